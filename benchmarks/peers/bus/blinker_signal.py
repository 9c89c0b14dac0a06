"""blinker calls its receivers inside of send, on the sender's thread."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.peers import module

from . import Peer

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable


def hear(_loop: asyncio.AbstractEventLoop, callback: Callable[[int], object]) -> Callable[[int], object]:
    signal = getattr(module("blinker"), "Signal")()  # noqa: B009 - a module whose types nobody knows
    signal.connect(callback, weak=False)
    return signal.send  # type: ignore[no-any-return]


PEERS = [Peer("blinker, inline", hear, across=False)]
