"""pyee calls its callbacks inside of emit, on the emitter's thread."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.peers import module

from . import Peer

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable


def hear(_loop: asyncio.AbstractEventLoop, callback: Callable[[int], object]) -> Callable[[int], object]:
    emitter = getattr(module("pyee"), "EventEmitter")()  # noqa: B009 - a module whose types nobody knows
    emitter.on("event", callback)
    emit = emitter.emit
    return lambda number: emit("event", number)


PEERS = [Peer("pyee, inline", hear, across=False)]
