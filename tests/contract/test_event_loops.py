"""Event loops: thousands of tasks on one event, many loops on one handle, and what is left behind: nothing."""

from __future__ import annotations

import gc
import threading
from typing import TYPE_CHECKING

import anyio
import pytest
from harness.callers import LOOPS, RUN
from harness.places import descriptors
from harness.prove import cases
from harness.until import until

from tocsin import Event

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

TASKS = cases(5_000, 20_000)


@pytest.fixture(params=LOOPS)
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


async def waiting(event: Event, count: int) -> None:
    """Until `count` waits of this handle have begun."""
    while event.stats().waiting_here < count:
        await anyio.lowlevel.checkpoint()


async def released(event: Event, wait: Callable[[], Awaitable[bool]], count: int, release: Callable[[], None]) -> int:
    """`count` tasks wait, then `release` is called; how many waits returned True."""
    found: list[bool] = []

    async def one() -> None:
        found.append(await wait())

    async with anyio.create_task_group() as group:
        for _ in range(count):
            group.start_soon(one)
        await waiting(event, count)
        release()
    return sum(found)


def test_thousands_of_tasks_on_one_event(kind: str, either: Event, tally: Callable[[str], None]) -> None:
    gc.collect()  # what earlier tests left
    before = len(descriptors())
    during = []

    def release() -> None:
        during.append(len(descriptors()))
        either.set()

    assert RUN[kind](lambda: released(either, either.wait_async, TASKS, release)) == TASKS
    assert during[0] - before < 20, "descriptors per loop, not per task"
    assert either.stats().waiting_here == 0
    tally(f"{TASKS} tasks in one loop")


def test_tasks_that_wait_for_both_directions(kind: str, either: Event) -> None:
    async def main() -> None:
        for _ in range(20):
            assert await released(either, either.wait_async, 20, either.set) == 20
            assert await released(either, either.wait_clear_async, 20, either.clear) == 20

    RUN[kind](main)


def test_tasks_on_many_events_in_one_loop(kind: str, place: str) -> None:
    events = [Event(f"e{i}", at=place) for i in range(50)]
    woken: list[int] = []

    async def wait(index: int) -> None:
        assert await events[index].wait_async()
        woken.append(index)

    async def main() -> None:
        async with anyio.create_task_group() as group:
            for index in range(50):
                group.start_soon(wait, index)
            for index, event in enumerate(events):
                await waiting(event, 1)
                assert index not in woken
                event.set()
                while index not in woken:
                    await anyio.lowlevel.checkpoint()
        assert sorted(woken) == list(range(50))

    RUN[kind](main)
    for event in events:
        event.close()


def test_many_loops_in_threads_on_one_handle(either: Event) -> None:
    found: list[bool] = []

    def run(kind: str) -> None:
        async def main() -> None:
            found.append(await either.wait_async() and await either.wait_clear_async())

        RUN[kind](main)

    threads = [threading.Thread(target=run, args=(kind,), daemon=True) for kind in LOOPS * 4]
    for thread in threads:
        thread.start()
    until(lambda: either.stats().waiting_here == len(threads), "all loops wait")
    either.set()
    until(lambda: either.stats().waiting_here == len(threads), "all loops wait for the clear")
    either.clear()
    for thread in threads:
        thread.join(60)
    assert found == [True] * len(threads)


def test_a_set_from_the_same_loop(kind: str, either: Event) -> None:
    async def main() -> None:
        async def later() -> None:
            await waiting(either, 1)
            await either.set_async()

        async with anyio.create_task_group() as group:
            group.start_soon(later)
            assert await either.wait_async()

    RUN[kind](main)


def test_loops_one_after_the_other(kind: str, either: Event) -> None:
    for _ in range(5):
        either.clear()
        assert RUN[kind](lambda: released(either, either.wait_async, 3, either.set)) == 3


def test_many_short_loops_leave_no_descriptor(kind: str, either: Event) -> None:
    """An event may outlive any number of loops."""

    async def main() -> None:
        assert not await either.wait_async(0.0001)

    RUN[kind](main)
    gc.collect()
    before = len(descriptors())
    for _ in range(20):
        RUN[kind](main)
    gc.collect()
    assert len(descriptors()) <= before


def test_many_waits_in_one_loop_leave_no_descriptor(kind: str, either: Event) -> None:
    async def main() -> None:
        await either.wait_async(0.0001)
        before = len(descriptors())
        for _ in range(50):
            assert not await either.wait_async(0.0001)
        assert len(descriptors()) <= before

    RUN[kind](main)


def test_many_events_in_one_loop_leave_no_descriptor(kind: str, place: str) -> None:
    """A loop may outlive any number of events, closed or just dropped, also at the same number."""

    async def main() -> None:
        def change(event: Event) -> None:
            event.set()

        before = -1
        for index in range(60):
            event = Event(f"e{index}", at=place)
            assert await released(event, event.wait_async, 2, lambda e=event: change(e)) == 2
            if index % 2:
                event.close()
            del event
            gc.collect()
            if index == 10:
                before = len(descriptors())
        assert len(descriptors()) <= before

    RUN[kind](main)


def test_waits_of_different_lengths_all_end(kind: str, either: Event) -> None:
    """The task that leads (on loops without add_reader) leaves first, in the middle and last."""

    async def main() -> None:
        found: dict[int, bool] = {}

        async def one(index: int) -> None:
            found[index] = await either.wait_async(None if index % 3 == 0 else 0.005 * (index % 7))

        async with anyio.create_task_group() as group:
            for index in range(30):
                group.start_soon(one, index)
            while len(found) < 20:
                await anyio.lowlevel.checkpoint()
            either.set()
        assert [found[index] for index in range(0, 30, 3)] == [True] * 10

    RUN[kind](main)
