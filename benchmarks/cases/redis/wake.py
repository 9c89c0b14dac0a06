"""From just before a call until another process, which slept, has it: each wake by itself, all on one server."""

from __future__ import annotations

import os
from functools import partial
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any

from benchmarks.cases.redis import WAKE, by_hand, key, place
from benchmarks.harness import Table, cpus
from benchmarks.peers import redis_server
from benchmarks.wakes import wake_tables, wakes, wakes_of
from tocsin import Bus, DataEvent, Event, Queue, Signal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.cases import Effort

BARE, POP, PUBSUB = "XADD/XREAD BLOCK", "LPUSH/BRPOP", "PUBLISH/SUBSCRIBE"
EVENT, SIGNAL, DATA, QUEUE = "tocsin.Event", "tocsin.Signal", "tocsin.DataEvent", "tocsin.Queue"
BUS = "tocsin.Bus"


def bare(times: int, on: tuple[int, ...]) -> list[float]:
    stream = key()
    by_hand().xadd(stream, {"n": 0})

    def waiter() -> Callable[[], object]:
        hand = by_hand()
        last = hand.xrevrange(stream, count=1)[0][0]

        def wait() -> None:
            nonlocal last
            last = hand.xread({stream: last}, block=0)[0][1][-1][0]

        return wait

    def waker() -> Callable[[], object]:
        return partial(by_hand().xadd, stream, {"n": 1}, maxlen=1, approximate=False)

    return wakes(waiter, waker, times, on, spins=False, server=redis_server.pid())


def pop(times: int, on: tuple[int, ...]) -> list[float]:
    row = key()
    return wakes(lambda: partial(by_hand().brpop, row), lambda: partial(by_hand().lpush, row, b"1"), times, on,
                 spins=False, server=redis_server.pid())


def subscribed(times: int, on: tuple[int, ...]) -> list[float]:
    channel = key()

    def waiter() -> Callable[[], object]:
        listener = by_hand().pubsub()
        listener.subscribe(channel)
        listener.get_message(timeout=None)
        return partial(listener.get_message, timeout=None)

    return wakes(waiter, lambda: partial(by_hand().publish, channel, b"1"), times, on, spins=False,
                 server=redis_server.pid())


def event(times: int, on: tuple[int, ...]) -> list[float]:
    at = place()

    def listen(slot: memoryview, say: int) -> None:
        flag = Event("wake", at=at)
        os.write(say, b".")
        while True:
            flag.wait()
            slot[0] = perf_counter_ns()
            flag.clear()
            os.write(say, b".")

    return wakes_of(listen, lambda: Event("wake", at=at).set, times, on, server=redis_server.pid())


def of_one(open_waiter: Callable[[str], Any], open_waker: Callable[[str], Any], times: int,
           on: tuple[int, ...]) -> list[float]:
    at = place()
    return wakes(partial(open_waiter, at), partial(open_waker, at), times, on, spins=False, server=redis_server.pid())


def judge(table: Table, where: str) -> None:
    for name in (EVENT, SIGNAL, DATA, QUEUE, BUS):
        table.at_most(f"a wake by {name.partition('.')[2]}, {where}", name, BARE, WAKE)
    table.at_most(f"a wake by Queue, {where}", QUEUE, POP, WAKE)


def run(effort: Effort) -> Iterator[Table]:
    by_hand().ping()  # the server is there before anyone forks
    usable = cpus()
    times = effort.of(100, 40)
    for on in [tuple(usable[:2]), ()] if len(usable) > 1 else [()]:
        table = Table("wake", "until a sleeping process has it", "us")
        measures = {
            EVENT: partial(event, times, on),
            SIGNAL: partial(of_one, lambda at: Signal("wake", at=at).wait, lambda at: Signal("wake", at=at).signal,
                            times, on),
            DATA: partial(of_one, lambda at: DataEvent("wake", at=at, replay=False).wait,
                          lambda at: partial(DataEvent("wake", at=at).signal, 1), times, on),
            QUEUE: partial(of_one, lambda at: Queue("wake", at=at).get, lambda at: partial(Queue("wake", at=at).put, 1),
                           times, on),
            BUS: partial(of_one, lambda at: partial(Bus("wake", at=at).wait, "done"),
                         lambda at: partial(Bus("wake", at=at).emit, "done"), times, on),
            BARE: partial(bare, times, on), POP: partial(pop, times, on), PUBSUB: partial(subscribed, times, on),
        }
        yield from wake_tables(effort, table, measures, on, beside=BARE, judge=judge)


CASES = {"wake": run}
