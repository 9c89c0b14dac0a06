"""A wake in asyncio: from just before set() until the awaiting task runs, beside a bare add_reader on a pipe.

The setter is another thread, or another process; it sets only when the loop's thread is provably asleep. The bare
reader resolves a future that a task awaits, because that is what waiting in a task means; the second bare figure
stops the clock inside the reader's callback already, and no task has run then.
"""

from __future__ import annotations

import asyncio
import mmap
import os
import statistics
import threading
from collections.abc import Awaitable, Callable
from functools import partial
from time import perf_counter_ns
from typing import TYPE_CHECKING

from benchmarks.cases.event import OURS
from benchmarks.harness import Table, rounds
from benchmarks.peers import Absent, module
from benchmarks.peers.event import tocsin_event
from benchmarks.procs import asleep, child, in_child

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.cases import Effort

BARE = "add_reader on a pipe, a task awaits"
CALLBACK = "add_reader on a pipe, its callback"
KEPT = 40  # of a round: what the data keep of it

# A contestant: the setter's half; the task's half, which gives the time of the wake and clears; the tidying up.
Set = Callable[[], object]
Woke = Callable[[], Awaitable[int]]
Contestant = tuple[Set, Callable[[], Woke], Callable[[], object]]


def ours() -> Contestant:
    flag = tocsin_event.open_event("loop")

    def task() -> Woke:
        event = tocsin_event.event("loop")  # the loop's own handle, as in an unrelated process

        async def wake() -> int:
            await event.wait_async()
            at = perf_counter_ns()
            event.clear()
            return at

        return wake

    return flag.set, task, flag.drop


def bare(*, in_callback: bool = False) -> Contestant:
    reader, writer = os.pipe()
    os.set_blocking(reader, False)

    def task() -> Woke:
        loop = asyncio.get_running_loop()
        woken: asyncio.Future[int]

        def readable() -> None:
            at = perf_counter_ns()
            os.read(reader, 16)
            woken.set_result(at)

        loop.add_reader(reader, readable)

        async def wake() -> int:
            nonlocal woken
            woken = loop.create_future()
            at = await woken
            return at if in_callback else perf_counter_ns()

        return wake

    def drop() -> None:
        os.close(reader)
        os.close(writer)

    return partial(os.write, writer, b"1"), task, drop


async def wait_for_all(task: Callable[[], Woke], slots: memoryview, times: int, done: int) -> None:
    """The loop's side: slot 1 holds the time of the last wake; a byte says that it is there."""
    wake = task()
    for _ in range(times):
        slots[1] = await wake()
        os.write(done, b".")


def set_all(set_: Set, slots: memoryview, times: int, waiter: tuple[int, int], done: int) -> list[int]:
    """The setter's side: each latency in ns."""
    took = []
    for _ in range(times):
        asleep([waiter])
        start = perf_counter_ns()
        set_()
        if not os.read(done, 1):
            break
        took.append(slots[1] - start)
    return took


def by_thread(name: str, times: int) -> list[int]:
    set_, task, drop = (CONTESTANTS | INSIDE)[name]()
    slots = memoryview(mmap.mmap(-1, 16)).cast("q")
    done, say = os.pipe()
    took: list[int] = []
    waiter = os.getpid(), threading.get_native_id()
    try:
        setter = threading.Thread(target=lambda: took.extend(set_all(set_, slots, times, waiter, done)))
        setter.start()
        asyncio.run(wait_for_all(task, slots, times, say))
        setter.join()
    finally:
        drop()
    return took


def by_process(name: str, times: int) -> list[int]:
    set_, task, drop = (CONTESTANTS | INSIDE)[name]()
    slots = memoryview(mmap.mmap(-1, 16)).cast("q")
    done, say = os.pipe()
    try:
        with child(lambda: asyncio.run(wait_for_all(task, slots, times, say))) as pid:
            os.close(say)
            return set_all(set_, slots, times, (pid, pid), done)
    finally:
        drop()


def stdlib() -> Contestant:
    """asyncio.Event, which a thread may only set through its loop."""
    made: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    def set_() -> None:
        loop, event = made[0]
        loop.call_soon_threadsafe(event.set)

    def task() -> Woke:
        event = asyncio.Event()
        made.append((asyncio.get_running_loop(), event))

        async def wake() -> int:
            await event.wait()
            at = perf_counter_ns()
            event.clear()
            return at

        return wake

    return set_, task, lambda: None


def of_aiologic() -> Contestant:
    event = module("aiologic").REvent()  # type: ignore[attr-defined] # a module whose types nobody knows

    def task() -> Woke:
        async def wake() -> int:
            await event
            at = perf_counter_ns()
            event.clear()
            return at

        return wake

    return event.set, task, lambda: None


CONTESTANTS: dict[str, Callable[[], Contestant]] = {OURS: ours, BARE: bare, CALLBACK: partial(bare, in_callback=True)}
INSIDE: dict[str, Callable[[], Contestant]] = {
    "asyncio.Event, call_soon_threadsafe": stdlib, "aiologic.REvent": of_aiologic,
}


def measure(how: Callable[[str, int], list[int]], name: str, times: int, samples: list[float]) -> float:
    """The median wake in microseconds, in a process of its own; and some of them all."""
    took: list[int] = in_child(partial(how, name, times + 10))
    if len(took) < times:
        message = f"{name}: the loop ended after {len(took)} wakes"
        raise RuntimeError(message)
    us = [one / 1e3 for one in took[10:]]  # the first ten are to warm up
    samples += us[:KEPT]
    return statistics.median(us)


def run(effort: Effort) -> Iterator[Table]:
    for kind, how in {"another thread": by_thread, "another process": by_process}.items():
        table = Table("asyncio", f"set() by {kind} until the awaiting task runs", "us")
        times = effort.of(150, 50)
        names = [*CONTESTANTS]
        if how is by_thread:
            for name, make in INSIDE.items():  # they reach no other process
                try:
                    make()
                except Absent as reason:
                    table.absent[name] = str(reason)
                else:
                    names.append(name)
        table.samples = {name: [] for name in names}
        rounds(table, {name: partial(measure, how, name, times, table.samples[name]) for name in names},
               effort.rounds())
        table.at_most(f"a wake in asyncio, set by {kind}", OURS, BARE, 1.5)
        table.print(BARE)
        yield table


CASES = {"asyncio": run}
