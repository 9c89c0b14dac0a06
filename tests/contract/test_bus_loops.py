"""Coroutine functions, loops that have not started, loops that are closed, and the first loop that comes."""

from __future__ import annotations

import asyncio
import gc
from functools import partial
from typing import Any

import pytest
import trio
import uvloop
from harness.loops import KINDS, LoopThread
from harness.until import until

from tocsin import Bus

LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


async def a_while(kind: str, turns: int = 3) -> None:
    for _ in range(turns):
        await (trio.lowlevel.checkpoint if kind == "trio" else partial(asyncio.sleep, 0))()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("concurrency", [1, 3, None])
def test_concurrency(kind: str, concurrency: int | None) -> None:
    now, most, begun, heard = 0, 0, [], []
    with LoopThread(kind) as running, Bus() as bus:

        @bus.on("x", loop=running.loop, concurrency=concurrency)
        async def slow(n: int) -> None:
            nonlocal now, most
            now, most = now + 1, max(most, now + 1)
            begun.append(n)
            await a_while(kind)
            now -= 1
            heard.append(n)

        for n in range(50):
            assert bus.emit("x", (n,)) == 1
        until(lambda: len(heard) == 50, "all were heard")
        assert bus.stats().queued == 0
    # In which order trio starts tasks of one turn is its own affair.
    assert sorted(heard) == list(range(50))
    if concurrency is not None:
        assert most == concurrency
        assert begun == list(range(50))
    else:
        assert most > 3
    if concurrency == 1:
        assert heard == list(range(50))


@pytest.mark.parametrize("kind", KINDS)
def test_a_coroutine_that_fails_or_lets_a_cancellation_through(kind: str) -> None:
    errors: list[BaseException] = []
    heard: list[int] = []
    with LoopThread(kind) as running, Bus(on_error=lambda error, *_: errors.append(error)) as bus:

        @bus.on("x", loop=running.loop)
        async def failing(n: int) -> None:
            await a_while(kind)
            if n == 1:
                raise KeyError(n)
            if n == 2 and kind != "trio":
                raise asyncio.CancelledError  # of something else that it awaited
            heard.append(n)

        for n in range(4):
            bus.emit("x", (n,))
        until(lambda: 3 in heard, "the last was heard")
    assert heard == ([0, 2, 3] if kind == "trio" else [0, 3])
    assert [type(error) for error in errors] == ([KeyError] if kind == "trio" else [KeyError, asyncio.CancelledError])


@pytest.mark.parametrize("kind", LOOPS)
def test_a_loop_that_has_not_started_queues(kind: str) -> None:
    loop = LOOPS[kind]()
    heard: list[Any] = []
    with Bus(loop=loop) as bus:
        bus.register("x", heard.append)

        @bus.on("x")
        async def too(n: int) -> None:
            heard.append(-n)
            if n == 3:
                loop.call_soon(loop.stop)

        for n in (1, 2, 3):
            assert bus.emit("x", (n,)) == 2
        assert (heard, bus.stats().queued) == ([], 6)
        loop.run_forever()
    assert [n for n in heard if n > 0] == [1, 2, 3]
    assert [n for n in heard if n < 0] == [-1, -2, -3]
    # Stopped, it goes on where it was as soon as it runs again.
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()


@pytest.mark.parametrize("kind", LOOPS)
def test_a_loop_that_is_closed_is_an_error_and_not_a_lost_callback(kind: str) -> None:
    errors: list[tuple[BaseException, Any, Any]] = []
    loop = LOOPS[kind]()
    with Bus(on_error=lambda *what: errors.append(what)) as bus:

        async def coroutine(n: int) -> None: ...

        plain, waits = bus.register("x", print, loop), bus.register("x", coroutine, loop)
        assert bus.emit("x", (1,)) == 2
        assert errors == []
        loop.close()  # with both of them on their way
        gc.collect()
        assert [(type(error), event.args, handler) for error, event, handler in errors] == [
            (RuntimeError, (1,), plain),
            (RuntimeError, (1,), waits),
        ]
        errors.clear()
        assert bus.emit("x", (2,)) == 0
        assert [(event.args, handler) for _, event, handler in errors] == [((2,), plain), ((2,), waits)]
        assert "closed" in str(errors[0][0])
        assert bus.stats().queued == 0
        with pytest.raises(RuntimeError, match="closed"):
            bus.register("x", print, loop)
        with pytest.raises(RuntimeError, match="closed"):
            Bus(loop=loop)


def test_a_run_of_trio_that_is_over_is_an_error() -> None:
    errors: list[tuple[BaseException, Any, Any]] = []
    with Bus(on_error=lambda *what: errors.append(what)) as bus:
        with LoopThread("trio") as running:
            handler = bus.register("x", print, running.loop)
        assert bus.emit("x", (1,)) == 0
        ((error, event, at),) = errors
        assert (type(error), event.args, at) == (RuntimeError, (1,), handler)
        assert "over" in str(error)


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_cancelled_task_had_still_to_hear_is_reported(kind: str) -> None:
    """As when `asyncio.run` ends, which cancels all tasks."""
    errors: list[Any] = []
    heard: list[int] = []

    async def main() -> None:
        @bus.on("x")
        async def stuck(n: int) -> None:
            heard.append(n)
            if kind == "trio":
                await trio.sleep_forever()
            await asyncio.get_running_loop().create_future()

        for n in range(3):
            bus.emit("x", (n,))
        while not heard:
            await a_while(kind)

    with Bus(on_error=lambda _error, event, _handler: errors.append(event.args[0])) as bus:
        if kind == "trio":
            trio.run(main)
        else:
            with asyncio.Runner(loop_factory=LOOPS[kind]) as runner:
                runner.run(main())
        assert bus.stats().queued == 0
    assert heard == [0]
    assert errors == [1, 2]


@pytest.mark.parametrize("kind", KINDS)
def test_at_module_level_before_any_loop(kind: str) -> None:
    """A coroutine function without a loop waits for the first that uses the bus, and so do its emits."""
    heard: list[int] = []
    with Bus() as bus:

        @bus.on("x")
        async def handler(n: int) -> None:
            await a_while(kind)
            heard.append(n)

        for n in range(3):
            assert bus.emit("x", (n,)) == 1
        assert bus.stats().queued == 3

        async def use() -> None:
            bus.emit("x", (3,))

        with LoopThread(kind) as running:
            running.run(use)
            until(lambda: len(heard) == 4, "it hears everything, in order")
            bus.emit("x", (4,))
            until(lambda: len(heard) == 5, "and what comes from other threads")
            (registered,) = bus.unregister(func=handler)
            assert registered.loop is running.loop
    assert heard == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("kind", KINDS)
def test_a_burst_wakes_a_loop_once(kind: str) -> None:
    heard: list[int] = []
    with LoopThread(kind) as running, Bus() as bus:
        bus.register("x", heard.append, running.loop)
        calls = []
        place = bus._registry.all()[0]._place
        inner, place.call = place.call, lambda: calls.append(1) or inner()

        async def burst() -> None:
            for n in range(500):
                bus.emit("x", (n,))

        running.run(burst)
        until(lambda: len(heard) == 500, "all were heard")
        assert len(calls) == 1
        del place.call


@pytest.mark.parametrize("kind", KINDS)
def test_buses_share_a_loop_and_its_fairness(kind: str) -> None:
    """A flood on one bus leaves room for the loop's own affairs."""
    done: list[int] = []
    with LoopThread(kind) as running, Bus(loop=running.loop) as one, Bus(loop=running.loop) as other:
        one.register("x", lambda: one.emit("x") if not done else None)  # for ever
        other.register("y", lambda: done.append(1))
        one.emit("x")
        running.run(a_while, kind)
        other.emit("y")
        until(lambda: done, "the other bus is served")


def test_a_loop_that_is_not_asyncios_own_kind_is_refused() -> None:
    class Token:
        native_token = 7

    with Bus() as bus, pytest.raises(TypeError, match="loop"):
        bus.register("x", print, Token())
