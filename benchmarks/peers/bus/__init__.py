"""Buses. A peer registers one callback and gives its own call that emits; some can be waited for, too."""

from __future__ import annotations

import dataclasses
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable


@dataclasses.dataclass(frozen=True)
class Peer:
    """A kind of bus."""

    name: str
    #: (loop, callback) -> emit(argument); from another thread if `across`. Raises Absent.
    hear: Callable[[asyncio.AbstractEventLoop, Callable[[int], object]], Callable[[int], object]]
    across: bool = True
    #: On the loop: (await one event, emit it from another thread).
    wait: Callable[[], tuple[Callable[[], Awaitable[Any]], Callable[[], object]]] | None = None
    calls: bool = True  # False: it has no callbacks, and can only be waited for


FILES = ("tocsin_bus", "aioevt_manager", "bare_calls", "pyee_emitter", "blinker_signal", "thread_queues")


def all_peers() -> list[Peer]:
    """Everyone, ours first."""
    found: list[Peer] = []
    for file in FILES:
        found += import_module(f"{__name__}.{file}").PEERS
    return found
