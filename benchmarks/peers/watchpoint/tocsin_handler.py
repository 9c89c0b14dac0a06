"""tocsin.WatchpointHandler: a thread, and a task of asyncio."""

from __future__ import annotations

import asyncio
import itertools
import os
from typing import TYPE_CHECKING

from tocsin import Watchpoint, WatchpointHandler

from . import Peer

if TYPE_CHECKING:
    from collections.abc import Callable


def handler_of(path: str) -> WatchpointHandler:
    return WatchpointHandler([Watchpoint(1, os.path.dirname(path), os.path.basename(path).removesuffix(".watch"))])


def by_thread(path: str) -> Callable[[], object]:
    handler = handler_of(path)
    waits = itertools.cycle((handler.wait, handler.wait_removed))
    return lambda: next(waits)(1)


def by_task(path: str) -> Callable[[], object]:
    handler = handler_of(path)
    waits = itertools.cycle((handler.wait_async, handler.wait_removed_async))
    loop = asyncio.new_event_loop()
    return lambda: loop.run_until_complete(next(waits)(1))


PEERS = [Peer("tocsin, a thread", by_thread), Peer("tocsin, a task", by_task)]
