"""Each line of "what differs" in docs/from-the-seeds/aioevt.md, of the original and of ours."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from harness.loops import LoopThread
from harness.until import until


class Thing:
    def method(self) -> None: ...


def is_ours(aioevt: Any) -> bool:
    return aioevt.__name__.startswith("tocsin")


async def turns(count: int = 10) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


def test_emit_after(aioevt: Any) -> None:
    async def main() -> None:
        manager, heard = aioevt.Manager(), []
        manager.register("x", heard.append)
        if not is_ours(aioevt):
            with pytest.raises(TypeError):
                manager.emit_after(0.001, "x", args=(1,))
            return
        timer = manager.emit_after(0.001, "x", args=(1,))
        while not heard:  # noqa: ASYNC110 - a look at what the callback did
            await asyncio.sleep(0)
        assert not timer.cancel()

    asyncio.run(main())


def test_emit_after_without_a_loop_that_runs(aioevt: Any) -> None:
    loop = asyncio.new_event_loop()
    manager, heard = aioevt.Manager(loop), []
    manager.register("x", lambda: heard.append(1) or loop.stop())
    if is_ours(aioevt):
        manager.emit_after(0.001, "x")
        loop.run_forever()
        assert heard == [1]
    else:
        with pytest.raises(AssertionError):
            manager.emit_after(0.001, "x")
    loop.close()


def test_a_target_that_is_not_running_while_the_managers_own_is(aioevt: Any) -> None:
    """The original forgets the emit, and a callback for one emit with it."""
    target, heard = asyncio.new_event_loop(), []

    async def main() -> None:
        manager = aioevt.Manager()
        manager.register("x", lambda: heard.append(1), target, recurring=False)
        manager.emit("x")
        assert len(manager._events) == 0

    asyncio.run(main())
    target.run_until_complete(turns())
    assert heard == ([1] if is_ours(aioevt) else [])
    target.close()


def test_an_emit_before_the_loop_runs_is_made_once(aioevt: Any) -> None:
    """The original emits anew for each callback, to all of them."""
    loop = asyncio.new_event_loop()
    manager, heard = aioevt.Manager(loop, async_retry_delay=0), []
    for _ in range(3):
        manager.register("x", lambda: heard.append(1), loop)
    manager.emit("x")
    loop.run_until_complete(turns(50))
    assert len(heard) == (3 if is_ours(aioevt) else 9)
    loop.close()


def test_without_retries_a_loop_must_run(aioevt: Any) -> None:
    loop = asyncio.new_event_loop()
    manager = aioevt.Manager(loop)
    manager.register("x", print)
    with pytest.raises(RuntimeError, match="not running"):
        manager.emit("x", retries=0)
    # What the original emitted in vain, it has forgotten.
    assert len(manager._events) == (1 if is_ours(aioevt) else 0)
    loop.close()


def test_a_method_is_unregistered_by_its_value(aioevt: Any) -> None:
    manager, thing = aioevt.Manager(), Thing()
    manager.register("x", thing.method)
    manager.unregister(func=thing.method)
    assert len(manager._events) == (0 if is_ours(aioevt) else 1)


def test_what_can_not_be_called(aioevt: Any) -> None:
    manager = aioevt.Manager()
    if is_ours(aioevt):
        with pytest.raises(TypeError):
            manager.register("x", 7)
    else:
        manager.register("x", 7)


def test_a_closed_loop(aioevt: Any) -> None:
    loop = asyncio.new_event_loop()
    loop.close()
    manager = aioevt.Manager()
    if is_ours(aioevt):
        with pytest.raises(RuntimeError, match="closed"):
            manager.register("x", print, loop)
    else:
        manager.register("x", print, loop)


def test_target_loop_is_for_callbacks_without_one(aioevt: Any) -> None:
    with LoopThread() as running:
        manager, heard = aioevt.Manager(), []

        async def main() -> None:
            manager.register("x", lambda: heard.append(asyncio.get_running_loop()))
            manager.emit("x", target_loop=running.loop)
            await turns()

        asyncio.run(main())
        until(lambda: heard, "it was called")
        assert (heard[0] is running.loop) == is_ours(aioevt)


def test_a_wait_that_is_over_leaves_nothing_behind(aioevt: Any) -> None:
    async def main() -> None:
        manager = aioevt.Manager()
        with pytest.raises(asyncio.TimeoutError):
            await manager.wait("x", timeout=0)
        assert len(manager._events) == (0 if is_ours(aioevt) else 1)

    asyncio.run(main())


def test_a_coroutine_that_fails(aioevt: Any) -> None:
    """The original keeps its error in a future that nobody has."""

    async def main() -> None:
        manager, told = aioevt.Manager(), []
        asyncio.get_running_loop().set_exception_handler(lambda _loop, context: told.append(context["exception"]))

        @manager.on("x")
        async def fails() -> None:
            raise KeyError

        manager.emit("x")
        await turns()
        assert [type(error) for error in told] == ([KeyError] if is_ours(aioevt) else [])

    asyncio.run(main())


def test_a_callback_that_gives_a_coroutine_by_another_way(aioevt: Any) -> None:
    heard: list[int] = []

    class Callback:
        async def __call__(self) -> None:
            heard.append(1)

    async def main() -> None:
        manager = aioevt.Manager()
        manager.register("x", Callback())
        manager.emit("x")
        await turns()

    if is_ours(aioevt):
        asyncio.run(main())
        assert heard == [1]
    else:
        with pytest.warns(RuntimeWarning, match="never awaited"):
            asyncio.run(main())
        assert heard == []


def test_no_arguments_may_be_none(aioevt: Any) -> None:
    async def main() -> None:
        manager, heard = aioevt.Manager(), []
        manager.register("x", lambda: heard.append(1))
        manager.emit("x", None)
        await turns()
        assert heard == ([1] if is_ours(aioevt) else [])

    asyncio.run(main())
