"""Calls that nobody waits for, in one process: each is a question and its answer."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from benchmarks.cases.redis import ITEM, OURS, by_hand, judge, key, place, us
from benchmarks.harness import Table, rounds
from tocsin import Bus, DataEvent, Event, Signal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.cases import Effort

    Calls = dict[str, Callable[[], object]]


def event(hand: Any) -> Iterator[tuple[str, str, Calls]]:
    flag, stream = Event("event", at=place()), key()
    add, state = partial(hand.xadd, stream, maxlen=1, approximate=False), {"set": 1}

    def ours() -> None:
        flag.set()
        flag.clear()

    def theirs() -> None:
        add(state)
        add(state)

    yield "Event: set() and clear()", "twice XADD", {OURS: ours, "twice XADD": theirs}
    hand.set(stream + "-flag", 1)
    yield "Event: is_set()", "GET", {OURS: flag.is_set, "GET": partial(hand.get, stream + "-flag")}


def signal(hand: Any) -> Iterator[tuple[str, str, Calls]]:
    said, stream = Signal("signal", at=place()), key()
    add = partial(hand.xadd, stream, {"n": 1}, maxlen=1, approximate=False)
    yield "Signal: signal()", "XADD", {OURS: said.signal, "XADD": add}
    last = "0-0"

    def ours() -> None:
        said.signal()
        said.wait()

    def theirs() -> None:
        nonlocal last
        add()
        last = hand.xread({stream: last}, block=0)[0][1][0][0]

    yield "Signal: signal() and the wait() that hears it", "XADD, XREAD", {OURS: ours, "XADD, XREAD": theirs}


def data(hand: Any) -> Iterator[tuple[str, str, Calls]]:
    value: DataEvent[Any] = DataEvent("data", at=place())
    stream = key()
    encode, decode = msgspec.json.encode, msgspec.json.decode

    def add() -> None:
        hand.xadd(stream, {"data": encode(ITEM)}, maxlen=1, approximate=False)

    yield "DataEvent: signal(value)", "XADD, msgspec", {OURS: partial(value.signal, ITEM), "XADD, msgspec": add}

    def last() -> None:
        decode(hand.xrevrange(stream, count=1)[0][1][b"data"])

    yield "DataEvent: latest()", "XREVRANGE, msgspec", {OURS: value.latest, "XREVRANGE, msgspec": last}


def bus(hand: Any) -> Iterator[tuple[str, str, Calls]]:
    named, channel = Bus("bus", at=place()), key()
    encode = msgspec.json.encode

    def publish() -> None:
        hand.publish(channel, encode([1, "a"]))

    def add() -> None:
        hand.xadd(channel, {"p": encode([1, "a"])}, maxlen=10_000)

    yield "Bus: emit(), to nobody", "XADD, msgspec", {
        OURS: partial(named.emit, "job.begun", (1, "a")), "XADD, msgspec": add, "PUBLISH, msgspec": publish,
    }
    named.close()


def run(effort: Effort) -> Iterator[Table]:
    hand = by_hand()
    calls = effort.of(1_000, 500)
    for kind in (event, signal, data, bus):
        for title, theirs, contestants in kind(hand):
            table = Table("calls", title, "us", rate="calls")
            for call in contestants.values():
                us(call, 20)  # the server knows the scripts then
            rounds(table, {name: partial(us, call, calls) for name, call in contestants.items()}, effort.rounds())
            yield judge(table, title, theirs)


CASES = {"calls": run}
