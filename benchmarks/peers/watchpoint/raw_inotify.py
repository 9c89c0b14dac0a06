"""inotify by its system calls: a blocking read, or a reader of asyncio, and nothing else.

Misses what came before, and any other directory.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
from functools import partial
from typing import TYPE_CHECKING

from . import Peer

if TYPE_CHECKING:
    from collections.abc import Callable

CREATE, DELETE = 0x100, 0x200


def notify(path: str, flags: int) -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    fd: int = libc.inotify_init1(flags)
    if libc.inotify_add_watch(fd, os.fsencode(os.path.dirname(path)), CREATE | DELETE) < 0:
        raise OSError(ctypes.get_errno(), "inotify_add_watch")
    return fd


def by_read(path: str) -> Callable[[], object]:
    return partial(os.read, notify(path, 0), 4096)


def by_reader(path: str) -> Callable[[], object]:
    """A task that a reader of its loop wakes."""
    fd = notify(path, os.O_NONBLOCK)
    loop = asyncio.new_event_loop()
    heard: asyncio.Future[bytes] | None = None

    def hear() -> None:
        if heard is not None and not heard.done():
            heard.set_result(os.read(fd, 4096))

    async def wait() -> None:
        nonlocal heard
        heard = loop.create_future()
        await heard

    loop.add_reader(fd, hear)
    return lambda: loop.run_until_complete(wait())


PEERS = [Peer("inotify itself", by_read), Peer("inotify by add_reader", by_reader)]
