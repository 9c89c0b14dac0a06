"""A pulse, set() and at once clear(), releases everyone who was asleep, and wait returns True for them."""

from __future__ import annotations

import asyncio
import mmap
import os
import struct
import threading
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import anyio.lowlevel
import pytest
import trio
from harness.asleep import asleep
from harness.callers import RUN, Caller
from harness.child import Child
from harness.prove import cases
from harness.until import until

from tocsin import Event

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PULSES = cases(3_000, 100_000)

#: Counts its releases at its place in a shared page, and -1 there if a wait ever returns False.
_COUNTING = """
import mmap, struct
event = Event("x", at=sys.argv[1], spin=float(sys.argv[4]))
page = mmap.mmap(os.open(sys.argv[2], os.O_RDWR), 4096)
def count(n): struct.pack_into("q", page, 8 * int(sys.argv[3]), n)
say("ready")
"""

_THREAD = (
    _COUNTING
    + """
n = 0
while True:
    n = n + 1 if event.wait() else -10**9
    while event.is_set(): os.sched_yield()  # while it is set, further waits are no releases by this pulse
    count(n)
"""
)

_TASK = (
    _COUNTING
    + """
import asyncio
async def main():
    n = 0
    while True:
        n = n + 1 if await event.wait_async() else -10**9
        while event.is_set(): await asyncio.sleep(0)
        count(n)
asyncio.run(main())
"""
)


class Counters:
    """Pages in which waiters of every kind count how often they were released."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.write_bytes(bytes(4096))
        with path.open("r+b") as file:
            self.page = mmap.mmap(file.fileno(), 4096)
        self.sleepers: list[Callable[[], bool]] = []

    def slot(self, is_asleep: Callable[[], bool]) -> int:
        self.sleepers.append(is_asleep)
        return len(self.sleepers) - 1

    def set(self, slot: int, count: int) -> None:
        struct.pack_into("q", self.page, 8 * slot, count)

    def all(self) -> list[int]:
        return list(struct.unpack_from(f"{len(self.sleepers)}q", self.page))

    def ready(self, count: int) -> bool:
        found = self.all()
        assert min(found) >= 0, "a wait returned False"
        assert max(found) <= count, "one pulse released a waiter twice"
        return min(found) == count and all(check() for check in self.sleepers)


@pytest.fixture
def counters(place: str) -> Iterator[Counters]:
    made = Counters(Path(place) / "counters")
    yield made
    made.page.close()


def start_thread(event: Event, counters: Counters, kind: str) -> threading.Thread:
    """A thread, or a loop in a thread, that counts how often the event releases it, until it is removed."""

    def plain() -> None:
        count = 0
        while True:
            count = count + 1 if event.wait() else -(10**9)
            while event.is_set():  # while it is set, further waits are no releases by this pulse
                os.sched_yield()
            counters.set(slot, count)

    async def task() -> None:
        count = 0
        while True:
            count = count + 1 if await event.wait_async() else -(10**9)
            while event.is_set():
                await anyio.lowlevel.checkpoint()
            counters.set(slot, count)

    def run() -> None:
        with suppress(ValueError):  # closed: the end of the test
            plain() if kind == "thread" else RUN[kind](task)

    thread = threading.Thread(target=run, daemon=True)
    slot = counters.slot(lambda: asleep("self", thread.native_id))
    thread.start()
    return thread


@pytest.mark.local("counts sleepers by /proc; on servers: tests/redis/test_redis_ears.py")
@pytest.mark.prove
@pytest.mark.timeout(3600)
def test_no_pulse_is_missed_by_anyone_asleep(place: str, counters: Counters, tally: Callable[[str], None]) -> None:
    with ExitStack() as stack:
        setter = stack.enter_context(Event("x", at=place))
        handle = Event("x", at=place)
        threads = [start_thread(handle, counters, kind) for kind in ("thread", "thread", "asyncio", "uvloop", "trio")]
        for script, spin in ((_THREAD, "0"), (_THREAD, "1e-5"), (_TASK, "0")):
            slot = counters.slot(lambda: True)
            child = stack.enter_context(Child(script, place, str(counters.path), str(slot), spin))
            counters.sleepers[slot] = lambda pid=child.pid: asleep(pid)
            assert child.hear() == "ready"
        for count in range(PULSES):
            until(lambda c=count: counters.ready(c), f"all sleep after pulse {count}: {counters.all()}")
            setter.set()
            setter.clear()
        until(lambda: counters.ready(PULSES), f"all were released by the last pulse: {counters.all()}")
        assert setter.generation == PULSES
        handle.close()
        for thread in threads:
            thread.join(60)
    tally(f"{PULSES} pulses to {len(counters.sleepers)} sleepers (threads, loops, processes), 0 missed")


@pytest.mark.prove
def test_pulses_of_many_setters_release_a_waiter_each_time(
    caller: Caller, either: Event, tally: Callable[[str], None]
) -> None:
    rounds = cases(20, 200)
    for _ in range(rounds):
        wait = caller.asleep(either, "wait")
        setters = [threading.Thread(target=lambda: (either.set(), either.clear())) for _ in range(3)]
        for thread in setters:
            thread.start()
        assert wait.result() is True
        for thread in setters:
            thread.join()
    tally(f"{rounds} rounds")


def test_a_pulse_the_other_way_releases_those_who_wait_for_clear(caller: Caller, either: Event) -> None:
    either.set()
    for _ in range(10):
        wait = caller.asleep(either, "wait_clear")
        either.clear()
        either.set()
        assert wait.result() is True


def test_a_pulse_before_the_wait_is_not_counted(caller: Caller, either: Event) -> None:
    either.set()
    either.clear()
    assert caller.do(either, "wait", 0.01) is False


def test_a_pulse_reaches_a_thousand_tasks_and_a_stopped_process(place: str) -> None:
    """However late the scheduler runs a waiter: the generation tells it what it missed."""

    async def main(event: Event) -> list[bool]:
        tasks = [asyncio.create_task(event.wait_async()) for _ in range(1000)]
        while event.stats().waiting_here < 1000:  # noqa: ASYNC110 - a condition that has no event
            await asyncio.sleep(0)
        event.set()
        event.clear()
        return await asyncio.gather(*tasks)

    with Event("x", at=place) as event:
        assert asyncio.run(main(event)) == [True] * 1000
        with Child("e = Event('x', at=sys.argv[1]); say(os.getpid()); say(e.wait())", place) as child:
            child.hear()
            child.until_asleep()
            os.kill(child.pid, 19)
            for _ in range(1000):
                event.set()
                event.clear()
            os.kill(child.pid, 18)
            assert child.hear() == "True"


def test_pulses_within_one_loop(place: str) -> None:
    async def main(event: Event) -> None:
        for _ in range(200):
            async with trio.open_nursery() as nursery:
                found: list[bool] = []

                async def wait(box: list[bool] = found) -> None:
                    box.append(await event.wait_async())

                for _ in range(5):
                    nursery.start_soon(wait)
                while event.stats().waiting_here < 5:
                    await anyio.lowlevel.checkpoint()
                event.set()
                event.clear()
            assert found == [True] * 5

    with Event("x", at=place) as event:
        trio.run(main, event)
