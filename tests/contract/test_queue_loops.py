"""Event loops: a cancelled task takes no item along, thousands may wait, and nothing is left behind."""

from __future__ import annotations

import asyncio
import gc
import random
from typing import TYPE_CHECKING, Any

import anyio
import pytest
import trio
from harness.callers import LOOPS, RUN, run_asyncio, run_uvloop
from harness.places import descriptors
from harness.prove import cases

from tocsin import Empty, Full, Queue

if TYPE_CHECKING:
    from collections.abc import Callable

TASKS = cases(500, 5_000)
ROUNDS = cases(300, 5_000)


@pytest.fixture(params=LOOPS)
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


async def waiting(queue: Queue[Any], count: int) -> None:
    """Until `count` waits of this handle have begun."""
    while queue.stats().waiting_here < count:
        await anyio.lowlevel.checkpoint()


def test_many_tasks_on_one_queue(kind: str, either_queue: Queue[Any]) -> None:
    found: list[int] = []

    async def one() -> None:
        found.append(await either_queue.get_async())

    async def main() -> None:
        before = len(descriptors())
        async with anyio.create_task_group() as group:
            for _ in range(TASKS):
                group.start_soon(one)
            await waiting(either_queue, TASKS)
            assert len(descriptors()) - before < 20, "descriptors per loop, not per task"
            await either_queue.put_many_async(range(TASKS))

    RUN[kind](main)
    assert sorted(found) == list(range(TASKS))
    assert either_queue.stats().waiting_here == 0


def test_tasks_wait_for_room(kind: str, place: str) -> None:
    async def main(queue: Queue[int]) -> list[int]:
        found: list[int] = []
        async with anyio.create_task_group() as group:
            for number in range(20):
                group.start_soon(queue.put_async, number)
            await waiting(queue, 18)
            while len(found) < 20:
                found.append(await queue.get_async(timeout=60))
        return found

    with Queue("q", at=place, maxsize=2) as queue:
        assert sorted(RUN[kind](lambda: main(queue))) == list(range(20))


def test_cancelled_gets_take_nothing_along(kind: str, either_queue: Queue[int], tally: Callable[[str], None]) -> None:
    """Tasks are cancelled at every possible moment, also in the one in which an item comes."""
    seed = random.randrange(1 << 30)
    dice = random.Random(seed)
    taken: list[int] = []

    async def consume(scope: anyio.CancelScope) -> None:
        with scope:
            taken.append(await either_queue.get_async())

    async def main() -> None:
        for number in range(ROUNDS):
            scopes = [anyio.CancelScope() for _ in range(3)]
            async with anyio.create_task_group() as group:
                for scope in scopes:
                    group.start_soon(consume, scope)
                for _ in range(dice.randrange(4)):
                    await anyio.lowlevel.checkpoint()
                if dice.random() < 0.5:
                    either_queue.put(number)
                    for _ in range(dice.randrange(4)):
                        await anyio.lowlevel.checkpoint()
                    for scope in scopes:
                        scope.cancel()
                else:
                    for scope in scopes:
                        scope.cancel()
                    either_queue.put(number)

    RUN[kind](main)
    while not either_queue.empty():
        taken.append(either_queue.get())
    assert sorted(taken) == list(range(ROUNDS)), seed
    tally(f"{ROUNDS} rounds of three cancelled gets, seed {seed}")


def test_cancelled_receives_hold_nothing(kind: str, either_queue: Queue[int]) -> None:
    async def consume(scope: anyio.CancelScope) -> None:
        with scope:
            async with await either_queue.receive_async():
                pass

    async def main() -> None:
        for number in range(50):
            scope = anyio.CancelScope()
            async with anyio.create_task_group() as group:
                group.start_soon(consume, scope)
                for _ in range(number % 4):
                    await anyio.lowlevel.checkpoint()
                either_queue.put(number)
                scope.cancel()

    RUN[kind](main)
    assert either_queue.stats().held == 0


def test_cancelled_puts_are_not_in(kind: str, place: str) -> None:
    async def main(queue: Queue[int]) -> None:
        for _ in range(20):
            with anyio.move_on_after(0.001):
                await queue.put_async(99)

    with Queue("q", at=place, maxsize=1) as queue:
        queue.put(1)
        RUN[kind](lambda: main(queue))
        assert queue.get() == 1
        assert queue.empty()


@pytest.mark.parametrize("run", [run_asyncio, run_uvloop])
def test_wait_for_and_timeouts_of_asyncio(run: Any, either_queue: Queue[int]) -> None:
    async def main() -> None:
        for number in range(30):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(either_queue.get_async(), 0.0005 * (number % 3))
        either_queue.put(1)
        assert await asyncio.wait_for(either_queue.get_async(), 60) == 1

    run(main)


def test_trio_timeouts(either_queue: Queue[int]) -> None:
    async def main() -> None:
        for number in range(30):
            with trio.move_on_after(0.0005 * (number % 3)):
                await either_queue.get_async()
        either_queue.put(1)
        with trio.fail_after(60):
            assert await either_queue.get_async() == 1

    trio.run(main)


def test_own_timeouts(kind: str, place: str) -> None:
    async def main(queue: Queue[int]) -> None:
        with pytest.raises(Empty):
            await queue.get_async(timeout=0.01)
        with pytest.raises(Empty):
            await queue.get_async(block=False)
        queue.put(1)
        with pytest.raises(Full):
            await queue.put_async(2, timeout=0.01)
        with pytest.raises(Full):
            await queue.put_async(2, False)
        with pytest.raises(Full):
            await queue.put_many_async([2], timeout=0.01)
        assert not await queue.join_async(0.01)
        assert await queue.get_async(timeout=60) == 1
        queue.task_done()
        assert await queue.join_async()

    with Queue("q", at=place, maxsize=1) as queue:
        RUN[kind](lambda: main(queue))


def test_put_and_get_in_one_loop(kind: str, place: str) -> None:
    async def produce(queue: Queue[int]) -> None:
        for number in range(500):
            await queue.put_async(number)
        queue.shutdown()

    async def main(queue: Queue[int]) -> list[int]:
        async with anyio.create_task_group() as group:
            group.start_soon(produce, queue)
            return [item async for item in queue]

    with Queue("q", at=place, maxsize=7) as queue:
        assert RUN[kind](lambda: main(queue)) == list(range(500))


def test_many_waits_leave_nothing(kind: str, either_queue: Queue[int]) -> None:
    async def main() -> None:
        async def one(timeout: float = 0.0001) -> None:
            with pytest.raises(Empty):
                await either_queue.get_async(timeout=timeout)

        await one(0.1)  # really waits: what a loop needs is made by its first wait
        before = len(descriptors())
        for _ in range(50):
            await one()
        gc.collect()
        assert len(descriptors()) <= before

    RUN[kind](main)
    assert either_queue.stats().waiting_here == 0


def test_a_task_hears_of_close(kind: str, either_queue: Queue[int]) -> None:
    async def one() -> None:
        with pytest.raises(ValueError, match="closed"):
            await either_queue.get_async()

    async def main() -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(one)
            await waiting(either_queue, 1)
            either_queue.close()

    RUN[kind](main)
