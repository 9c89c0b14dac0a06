"""1 to 64 processes that do nothing else: what a turn costs of all together; each one waits as many times as long."""

from __future__ import annotations

import mmap
import os
import struct
from contextlib import ExitStack
from functools import partial
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any

import msgspec

from benchmarks.cases.redis import ITEM, by_hand, key, place
from benchmarks.harness import Table, rounds
from benchmarks.procs import all_alive, all_ready, child, in_child
from tocsin import Queue, Signal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.cases import Effort

    Made = Callable[[], Callable[[], object]]  # in each process: its own

COUNTS = (1, 8, 64)


def signals(at: str) -> Callable[[], object]:
    return Signal("clients", at=at).signal


def adds(stream: str) -> Callable[[], object]:
    return partial(by_hand().xadd, stream, {"n": 1}, maxlen=1, approximate=False)


def items(at: str) -> Callable[[], object]:
    queue: Queue[Any] = Queue("clients", at=at)

    def turn() -> None:
        queue.put(ITEM)
        with queue.receive():
            pass

    return turn


def entries(stream: str) -> Callable[[], object]:
    hand = by_hand()
    encode, decode = msgspec.json.encode, msgspec.json.decode
    read = partial(hand.xreadgroup, "g", str(os.getpid()), {stream: ">"}, count=1, block=60_000)

    def turn() -> None:
        hand.xadd(stream, {"d": encode(ITEM)})
        ((number, fields),) = read()[0][1]
        decode(fields[b"d"])
        pipe = hand.pipeline(transaction=False)
        pipe.xack(stream, "g", number)
        pipe.xdel(stream, number)
        pipe.execute()

    return turn


def pops(row: str) -> Callable[[], object]:
    hand = by_hand()
    encode, decode = msgspec.json.encode, msgspec.json.decode

    def turn() -> None:
        hand.lpush(row, encode(ITEM))
        decode(hand.brpop(row)[1])

    return turn


def work(make: Made, page: mmap.mmap, slot: int, here: int, go: int) -> None:
    turn, pack = make(), struct.Struct("q").pack_into
    turn()  # all that is done once
    os.write(here, b".")
    os.read(go, 1)
    turns = 0
    while page[0] == 0:
        turn()
        turns += 1
        pack(page, 8 * slot, turns)


def race(make: Made, count: int, seconds: float) -> float:
    """us per turn of all together."""
    page = mmap.mmap(-1, 8 * (count + 1))
    hear, here = os.pipe()
    go, let = os.pipe()

    def turns() -> list[int]:
        return [struct.unpack_from("q", page, 8 * slot)[0] for slot in range(1, count + 1)]

    with ExitStack() as stack:
        pids = [stack.enter_context(child(partial(work, make, page, n, here, go))) for n in range(1, count + 1)]
        all_ready(hear, pids)
        os.write(let, b"." * count)
        while not all(turns()):  # until everyone works
            all_alive(pids)
            sleep(0.001)
        before, begin = sum(turns()), monotonic()
        sleep(seconds)
        return (monotonic() - begin) * 1e6 / max(1, sum(turns()) - before)


def run(effort: Effort) -> Iterator[Table]:
    by_hand().ping()
    seconds = effort.of(100, 60) / 1e3
    ways: tuple[tuple[str, str, dict[str, Callable[[], Made]]], ...] = (
        ("a signal", "XADD", {
            "tocsin.Signal": lambda: partial(signals, place()), "XADD": lambda: partial(adds, key()),
        }),
        ("an item put, received and acked", "XADD/XREADGROUP/XACK+XDEL", {
            "tocsin.Queue": lambda: partial(items, place()),
            "XADD/XREADGROUP/XACK+XDEL": lambda: partial(entries, grouped()),
            "LPUSH/BRPOP": lambda: partial(pops, key()),
        }),
    )

    def measure(fresh: Callable[[], Made], count: int) -> float:
        return float(in_child(partial(race, fresh(), count, seconds)))

    for what, beside, contestants in ways:
        for count in COUNTS:
            table = Table("clients", f"{count} processes that do nothing else: {what}", "us", rate="turns",
                          along="processes", x=count)
            rounds(table, {name: partial(measure, fresh, count) for name, fresh in contestants.items()},
                   effort.rounds())
            table.print(beside)
            yield table


def grouped() -> str:
    """A stream that has its group before anybody reads."""
    stream = key()
    by_hand().xgroup_create(stream, "g", mkstream=True)
    return stream


CASES = {"clients": run}
