"""The ear's connection: made when it is needed, and anew whenever it breaks, for as long as one has patience.

Polls and epolls that watch it watch whichever connection there is.
"""

from __future__ import annotations

import contextlib
import os
import select
import threading
from typing import TYPE_CHECKING

from tocsin import _core
from tocsin._errors import Unreachable
from tocsin._redis.line import unreachable

if TYPE_CHECKING:
    from tocsin._redis.line import Line
    from tocsin._redis.server import Server

#: How long a connection may take to be made by a thread that waits, which hears nothing else meanwhile; and by those
#: who must not block for long.
_TRY_NS, QUICK_NS = 5_000_000_000, 1_000_000_000
#: The pauses between tries.
_FIRST_NS, _LAST_NS = 5_000_000, 250_000_000


class EarLine:
    """`lock` is around all of it; what an ear does with the connection is its own affair (`ear`)."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.lock = threading.RLock()
        self.is_closed = False
        self._begin_line()

    def _begin_line(self) -> None:
        """With nothing open; also in a fork's child."""
        self.line: Line | None = None
        self.armed = False  # is a read outstanding on it?
        self.asks_first = False  # a new connection begins with a look: there was another, or no answer
        self.lost: str | None = None  # why there is none; not an error, which would hold all who have raised it
        self.lost_at = 0
        self.retry_at = 0
        self.pause = _FIRST_NS
        self.connecting = False
        self.watching: list[select.poll | select.epoll] = []

    def _refresh(self, end: int) -> None:
        """Look at what is there, before anything is heard on a new connection. Unreachable."""
        raise NotImplementedError

    def watch(self, poll: select.poll | select.epoll) -> None:
        self.watching.append(poll)
        if self.line is not None:
            poll.register(self.line.fd, select.POLLIN)  # EPOLLIN is the same bit

    def _connect(self, until: int) -> None:
        now = _core.now()
        if self.connecting or self.is_closed or now < self.retry_at:
            return
        if until == 0 and (mute := self.server.mute()) is not None:
            self._lose(Unreachable(mute[1]))
            self.retry_at = mute[0]
            return
        end = now + QUICK_NS if until == 0 else min(self.server.until(until), now + _TRY_NS)
        # Without the lock, which those need who close and cancel.
        self.connecting = True
        held = self.lock._release_save()  # type: ignore[attr-defined]
        try:
            found = self._made(end)
        finally:
            self.lock._acquire_restore(held)  # type: ignore[attr-defined]
            self.connecting = False
        if isinstance(found, Unreachable):
            if until == 0 and _core.now() >= end:  # silent all the time, and the others need not try the same
                self.server.hush(str(found))
            self._lose(found)
        elif self.is_closed or self.line is not None or found.pid != os.getpid():
            found.close()
        else:
            self.line, self.asks_first, self.lost, self.pause, self.retry_at = found, True, None, _FIRST_NS, 0
            for poll in self.watching:
                poll.register(found.fd, select.POLLIN)

    def _made(self, end: int) -> Line | Unreachable:
        """A connection, before which nothing is unknown."""
        try:
            line = self.server.connect(end)
        except Unreachable as error:
            return error
        try:
            if self.asks_first:
                self._refresh(end)  # after a failover the numbers of entries may be smaller than they were
            line.unblock()
        except Unreachable as error:
            line.close()
            return error
        except BaseException:
            line.close()
            raise
        return line

    def _lose(self, error: Exception) -> None:
        was_there, now = self.line is not None, _core.now()
        if was_there:
            self._drop()
            self.pause = _FIRST_NS
        if self.lost is None:
            self.lost_at = now
        self.lost = str(error if isinstance(error, Unreachable) else unreachable(self.server.address, error))
        # The first try is at once, because most connections are lost alone.
        self.retry_at = now if was_there else now + self.pause
        if not was_there:
            self.pause = min(2 * self.pause, _LAST_NS)

    def _drop(self) -> None:
        line, self.line = self.line, None
        self.armed = False
        if line is not None:
            for poll in self.watching:
                with contextlib.suppress(OSError, KeyError, ValueError):
                    poll.unregister(line.fd)
            line.close()

    # -- while there is none

    def check(self) -> None:
        """Unreachable, if there is no connection: what a wait says whose time is over, or whose patience is."""
        if self.lost is not None:
            raise Unreachable(self.lost) from None

    def is_given_up(self) -> bool:
        """Has there been no connection for as long as one has patience?"""
        return self.lost is not None and _core.now() - self.lost_at > self.server.address.patience_ns

    def due(self) -> int:
        """When (ns) to look again though nothing comes: to connect. 0: no need."""
        return self.retry_at or 1 if self.line is None and self.lost is not None else 0

    def retries_at(self) -> list[int]:
        """When (ns) a thread that waits is to go on, to connect: the one that leads."""
        return [] if self.line is not None or self.lost is None else [self.retry_at]

    def gives_up_at(self) -> list[int]:
        """When (ns) each of them is to go on, to give up."""
        if self.line is not None or self.lost is None:
            return []
        return [self.lost_at + self.server.address.patience_ns + 1_000_000]
