"""tocsin.Bus, without a name."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from tocsin import Bus

from . import Peer

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable


def hear(loop: asyncio.AbstractEventLoop, callback: Callable[[int], object]) -> Callable[[int], object]:
    bus = Bus()
    bus.register("event", callback, loop, limit=10**9)
    emit = bus.emit
    return lambda number: emit("event", (number,))


def wait() -> tuple[Callable[[], Awaitable[Any]], Callable[[], object]]:
    bus = Bus()
    return partial(bus.wait_async, "event"), partial(bus.emit, "event")


def hear_coroutine(loop: asyncio.AbstractEventLoop, callback: Callable[[int], object]) -> Callable[[int], object]:
    async def coroutine(number: int) -> None:
        callback(number)

    return hear(loop, coroutine)


PEERS = [Peer("tocsin.Bus", hear, wait=wait), Peer("tocsin.Bus, a coroutine", hear_coroutine)]
