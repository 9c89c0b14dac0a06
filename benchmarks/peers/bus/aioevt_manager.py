"""aioevt, the third seed."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from benchmarks.peers import module

from . import Peer

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable


def manager() -> Any:
    return getattr(module("aioevt"), "Manager")()  # noqa: B009 - a module whose types nobody knows


def hear(loop: asyncio.AbstractEventLoop, callback: Callable[[int], object]) -> Callable[[int], object]:
    made = manager()
    made.loop = loop
    made.register("event", callback, loop)
    emit = made.emit
    return lambda number: emit("event", (number,))


def hear_coroutine(loop: asyncio.AbstractEventLoop, callback: Callable[[int], object]) -> Callable[[int], object]:
    async def coroutine(number: int) -> None:
        callback(number)

    return hear(loop, coroutine)


def wait() -> tuple[Callable[[], Awaitable[Any]], Callable[[], object]]:
    import asyncio

    made = manager()
    made.loop = asyncio.get_running_loop()
    return partial(made.wait, "event"), partial(made.emit, "event")


PEERS = [Peer("aioevt", hear, wait=wait), Peer("aioevt, a coroutine", hear_coroutine)]
