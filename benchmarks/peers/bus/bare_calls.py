"""What every bus on asyncio stands on: call_soon, and from another thread call_soon_threadsafe."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any

from . import Peer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


def soon(loop: asyncio.AbstractEventLoop, callback: Callable[[int], object]) -> Callable[[int], object]:
    return partial(loop.call_soon, callback)


def threadsafe(loop: asyncio.AbstractEventLoop, callback: Callable[[int], object]) -> Callable[[int], object]:
    return partial(loop.call_soon_threadsafe, callback)


def wait() -> tuple[Callable[[], Awaitable[Any]], Callable[[], object]]:
    loop = asyncio.get_running_loop()
    future: asyncio.Future[None]

    def arm() -> Awaitable[None]:
        nonlocal future
        future = loop.create_future()
        return future

    return arm, lambda: loop.call_soon_threadsafe(future.set_result, None)


PEERS = [Peer("bare call_soon", soon, across=False), Peer("bare call_soon_threadsafe", threadsafe, wait=wait)]
