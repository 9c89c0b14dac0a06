"""An ear's descriptors: by them loops, sets of waits and whoever polls hear of the news, on whatever connection.

Each is an epoll with the connection in it, and an eventfd for what somebody else took in.
"""

from __future__ import annotations

import contextlib
import os
import select
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tocsin._redis.ear_line import EarLine


class Bells:
    """Opened on first need. -1: not yet."""

    def __init__(self) -> None:
        self.epoll: select.epoll | None = None  # of `listen`
        self.rung = -1  # the eventfd in it
        self.public: select.epoll | None = None  # of `fileno`
        self.shown = -1  # the eventfd in it, readable while the object is ready

    def listen(self, line: EarLine) -> int:
        """The descriptor by which hubs and sets hear; it lasts as long as the handle. Each news is an edge of it."""
        if self.epoll is None:
            self.epoll, self.rung = _opened(line)
        return self.epoll.fileno()

    def fileno(self, line: EarLine) -> int:
        """A descriptor that is readable when something came, and while `show` says so."""
        if self.public is None:
            self.public, self.shown = _opened(line)
        return self.public.fileno()

    def ring(self) -> None:
        if self.rung >= 0:
            with contextlib.suppress(OSError, ValueError):
                os.eventfd_write(self.rung, 1)

    def show(self, *, ready: bool) -> None:
        """For `fileno`: readable while the object is ready, also when nothing new has come."""
        if self.shown >= 0:
            with contextlib.suppress(BlockingIOError):
                os.eventfd_write(self.shown, 1) if ready else os.eventfd_read(self.shown)

    def close(self) -> None:
        for epoll in (self.epoll, self.public):
            if epoll is not None:
                epoll.close()
        descriptors = self.rung, self.shown
        self.epoll = self.public = None
        self.rung = self.shown = -1
        for fd in descriptors:
            if fd >= 0:
                os.close(fd)


def _opened(line: EarLine) -> tuple[select.epoll, int]:
    epoll = select.epoll()
    fd = -1
    try:
        fd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        epoll.register(fd, select.EPOLLIN)
        line.watch(epoll)
    except BaseException:
        epoll.close()
        if fd >= 0:
            os.close(fd)
        raise
    return epoll, fd
