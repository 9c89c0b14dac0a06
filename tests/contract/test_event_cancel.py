"""Cancelling an awaited wait: nothing is left behind, and nobody else loses a wake-up."""

from __future__ import annotations

import asyncio
import gc
from typing import TYPE_CHECKING

import anyio
import pytest
import trio
from harness.callers import LOOPS, RUN, run_asyncio, run_uvloop
from harness.places import descriptors

if TYPE_CHECKING:
    from tocsin import Event


@pytest.fixture(params=LOOPS)
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


WAITS = ("wait_async", "wait_clear_async")


def unready(event: Event, what: str) -> None:
    if what == "wait_clear_async":
        event.set()


def release(event: Event, what: str) -> None:
    event.clear() if what == "wait_clear_async" else event.set()


@pytest.mark.parametrize("run", [run_asyncio, run_uvloop])
@pytest.mark.parametrize("what", WAITS)
def test_asyncio_timeout(run: object, what: str, either: Event) -> None:
    unready(either, what)

    async def main() -> None:
        await getattr(either, what)(0.001)
        before = len(descriptors())
        for _ in range(20):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.001):
                    await getattr(either, what)()
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(getattr(either, what)(), 0.001)
        assert either.stats().waiting_here == 0
        assert len(descriptors()) <= before
        release(either, what)
        assert await getattr(either, what)()

    run(main)


@pytest.mark.parametrize("what", WAITS)
def test_trio_cancel_scope(what: str, either: Event) -> None:
    unready(either, what)

    async def main() -> None:
        await getattr(either, what)(0.001)
        before = len(descriptors())
        for _ in range(20):
            with trio.move_on_after(0.001) as scope:
                await getattr(either, what)()
            assert scope.cancelled_caught
        assert either.stats().waiting_here == 0
        assert len(descriptors()) <= before
        release(either, what)
        assert await getattr(either, what)()

    trio.run(main)


def test_cancelling_some_does_not_harm_the_others(kind: str, either: Event) -> None:
    """Whoever led the wait on behalf of others is among those who are cancelled."""

    async def main() -> None:
        for first in range(2):
            found: list[bool] = []
            scopes = [anyio.CancelScope() for _ in range(20)]

            async def one(scope: anyio.CancelScope, found: list[bool] = found) -> None:
                with scope:
                    found.append(await either.wait_async())

            async with anyio.create_task_group() as group:
                for scope in scopes:
                    group.start_soon(one, scope)
                while either.stats().waiting_here < 20:
                    await anyio.lowlevel.checkpoint()
                for scope in scopes[first::2]:
                    scope.cancel()
                while either.stats().waiting_here > 10:
                    await anyio.lowlevel.checkpoint()
                either.set()
            assert found == [True] * 10
            either.clear()

    RUN[kind](main)


def test_cancelling_the_leaders_one_by_one(kind: str, either: Event) -> None:
    async def main() -> None:
        found: list[bool] = []
        scopes = [anyio.CancelScope() for _ in range(10)]

        async def one(scope: anyio.CancelScope) -> None:
            with scope:
                found.append(await either.wait_async())

        async with anyio.create_task_group() as group:
            for scope in scopes:
                group.start_soon(one, scope)
            while either.stats().waiting_here < 10:
                await anyio.lowlevel.checkpoint()
            for left, scope in enumerate(reversed(scopes[1:])):
                scope.cancel()
                while either.stats().waiting_here > 9 - left:
                    await anyio.lowlevel.checkpoint()
            either.set()
        assert found == [True]

    RUN[kind](main)


def test_cancelled_in_the_instant_of_the_set(kind: str, either: Event) -> None:
    """Set and cancel together: those who are not cancelled are released in every case."""

    async def main() -> None:
        for _ in range(30):
            found: list[bool] = []
            leader = anyio.CancelScope()

            async def lead(leader: anyio.CancelScope = leader) -> None:
                with leader:
                    await either.wait_async()

            async def follow(found: list[bool] = found) -> None:
                found.append(await either.wait_async())

            async with anyio.create_task_group() as group:
                group.start_soon(lead)
                while either.stats().waiting_here < 1:
                    await anyio.lowlevel.checkpoint()
                for _ in range(3):
                    group.start_soon(follow)
                while either.stats().waiting_here < 4:
                    await anyio.lowlevel.checkpoint()
                either.set()
                leader.cancel()
                either.clear()
            assert found == [True] * 3
            assert either.stats().waiting_here == 0

    RUN[kind](main)


def test_a_wait_that_is_cancelled_before_it_begins(kind: str, either: Event) -> None:
    async def main() -> None:
        with anyio.CancelScope() as scope:
            scope.cancel()
            await either.wait_async()
        assert scope.cancelled_caught
        assert either.stats().waiting_here == 0

    RUN[kind](main)


def test_a_loop_that_ends_with_waiting_tasks(either: Event) -> None:
    """asyncio.run cancels what is left; the event goes on."""

    async def main() -> None:
        tasks = [asyncio.ensure_future(either.wait_async()) for _ in range(3)]
        while either.stats().waiting_here < 3:  # noqa: ASYNC110 - a condition that has no event
            await asyncio.sleep(0)
        del tasks

    for run in (run_asyncio, run_uvloop):
        run(main)
        gc.collect()
        assert either.stats().waiting_here == 0
    either.set()
    assert either.wait(0)
