"""The examples of aioevt's document with `tocsin.Bus`. As they are: ../test_documents.py."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

import pytest
from harness.loops import LoopThread
from harness.until import until

from tocsin import Bus


@pytest.fixture
def manager() -> Bus:
    """The one word that differs is `wait_async`: a Bus waits in threads, too."""
    return Bus()


def test_register_an_event(manager: Bus) -> None:
    heard: list[Any] = []
    with LoopThread() as running:
        my_event_loop, my_func = running.loop, lambda *args, **kwargs: heard.append((args, kwargs))
        manager.register(
            name="MyEvent",
            func=my_func,
            loop=my_event_loop,
            recurring=True,
        )
        manager.emit(
            name="MyEvent",
            args=(1, 2, 3),
            kwargs={"num4": 4},
        )
        until(lambda: heard, "it is called")
    assert heard == [((1, 2, 3), {"num4": 4})]


def test_add_and_wait_for_what_was_calculated(manager: Bus) -> None:
    with LoopThread() as running:

        @manager.on(name="Add", loop=running.loop, recurring=True)
        def my_callback(num1: int, num2: int, num3: int, num4: int) -> None:
            total = num1 + num2 + num3 + num4
            manager.emit("Calculated", args=(total,))

        async def main() -> None:
            # After the wait has begun, however late this thread is: the timer is another one's.
            emit = partial(manager.emit_after, 0.1, "Add", args=(1, 2, 3, 4))
            asyncio.get_running_loop().call_soon(emit)
            data = await manager.wait_async(name="Calculated")
            assert data.args[0] == 10

        asyncio.run(main())


def test_wait_for_an_event(manager: Bus) -> None:
    async def main() -> Any:
        asyncio.get_running_loop().call_soon(lambda: manager.emit("MyEvent", args=(1,), kwargs={"two": 2}))
        data = await manager.wait_async(
            name="MyEvent",
            timeout=None,
        )
        return data.args, data.kwargs

    assert asyncio.run(main()) == ((1,), {"two": 2})


def test_unregister(manager: Bus) -> None:
    def my_callback_func() -> None: ...

    manager.register("MyEventName", print)
    manager.register("Other", my_callback_func)
    assert len(manager.unregister(name="MyEventName")) == 1
    manager.unregister(func=my_callback_func)
    assert manager.stats().handlers == 0
