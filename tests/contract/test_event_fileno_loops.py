"""The descriptor in event loops: asyncio's and uvloop's add_reader, trio's wait_readable."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
import trio
from harness.callers import RUN, Caller

from tocsin import Event

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize("kind", ["asyncio", "uvloop"])
@pytest.mark.parametrize("by_number", [True, False], ids=["number", "object"])
def test_add_reader(kind: str, by_number: bool, caller: Caller, either: Event) -> None:  # noqa: FBT001 - a parameter of the test
    async def main() -> None:
        loop = asyncio.get_running_loop()
        watched = either.fileno() if by_number else either
        for count in range(1, 4):
            woken = loop.create_future()
            loop.add_reader(watched, lambda w=woken: w.done() or w.set_result(None))
            change = caller.start(either, "set")
            await woken
            loop.remove_reader(watched)
            change.result()
            assert either.is_set()
            assert either.generation == count
            either.clear()

    RUN[kind](main)


@pytest.mark.parametrize("kind", ["asyncio", "uvloop"])
def test_a_reader_that_compares_generations_misses_no_pulse(kind: str, caller: Caller, either: Event) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        seen = 0
        woken = asyncio.Event()

        def readable() -> None:
            nonlocal seen
            if either.generation > seen:
                seen = either.generation
                woken.set()

        loop.add_reader(either.fileno(), readable)
        for count in range(1, 6):
            changes = [caller.start(either, "set")]
            changes[0].result()
            await woken.wait()
            woken.clear()
            assert seen == count
            caller.start(either, "clear").result()
        loop.remove_reader(either.fileno())

    RUN[kind](main)


@pytest.mark.parametrize("kind", ["asyncio", "uvloop"])
def test_a_consumed_edge_does_not_spin_the_loop(kind: str, caller: Caller, either: Event) -> None:
    """After a clear and a look, the reader isn't called again until the next set."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        calls: list[bool] = []
        loop.add_reader(either.fileno(), lambda: calls.append(either.is_set()))
        caller.start(either, "set").result()
        while not any(calls):  # noqa: ASYNC110 - a condition that has no event
            await asyncio.sleep(0)
        caller.start(either, "clear").result()
        while calls[-1]:
            await asyncio.sleep(0)
            either.is_set()
            calls.append(either.is_set())
        calls.clear()
        for _ in range(100):
            await asyncio.sleep(0)
        assert calls == []
        loop.remove_reader(either.fileno())

    RUN[kind](main)


@pytest.mark.parametrize("watched", [Event.fileno, lambda event: event], ids=["number", "object"])
def test_trio_wait_readable(caller: Caller, either: Event, watched: Callable[[Event], int]) -> None:
    async def main() -> None:
        for count in range(1, 4):
            change = caller.start(either, "set")
            await trio.lowlevel.wait_readable(watched(either))
            change.result()
            assert (either.is_set(), either.generation) == (True, count)
            either.clear()

    either.fileno()
    trio.run(main)
