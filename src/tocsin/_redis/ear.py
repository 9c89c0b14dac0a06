"""Ear: the connection on which a handle waits, with a read of its streams outstanding (XREAD BLOCK).

Whatever changes on the server is an entry of a stream, and the read begins behind the last entry that the handle knows
of, so there is no gap between a look and a wait, and none between a connection and the next. Threads of one handle wait
by turns: one of them sleeps on the connection and takes in what comes for all (the leader), the others sleep until it
tells them. Loops and sets of waits listen to `listen()`, an epoll that stays the same when the connection doesn't.
"""

from __future__ import annotations

import contextlib
import os
import select
import threading
import weakref
from typing import TYPE_CHECKING, Any

from tocsin import _core, _hub
from tocsin._errors import Unreachable
from tocsin._fork import forget_in_child
from tocsin._redis.line import ReplyError, pack, unreachable

if TYPE_CHECKING:
    from collections.abc import Callable

    from tocsin._redis.handle import RedisHandle
    from tocsin._redis.line import Line
    from tocsin._redis.server import Server

#: How often a waiter looks whether its object is still there: who deletes a key by hand tells nobody.
LOOK_NS = 60_000_000_000
#: How long a connection may take to be made by those who must not block for long, and the pauses between their tries.
_QUICK_NS = 500_000_000
_FIRST_NS, _LAST_NS = 5_000_000, 250_000_000


class Ear:
    """Made by the first wait of a handle. `lock` is around all of it."""

    def __init__(self, handle: RedisHandle, server: Server) -> None:
        self.handle: Callable[[], RedisHandle | None] = weakref.ref(handle)
        self.server = server
        self.threads = 0  # that wait
        self._begin()
        _living.add(self)

    def _begin(self) -> None:
        """With nothing open; also in a fork's child."""
        self.lock = threading.RLock()
        self.turns = threading.Condition(self.lock)
        self.leader = 0  # the thread that sleeps on the connection
        self.line: Line | None = None
        self.armed = False  # is a read outstanding?
        self.was_there = False  # was there ever a connection?
        self.lost: Exception | None = None  # why there is none
        self.lost_at = 0
        self.retry_at = 0
        self.pause = _FIRST_NS
        self.looked = _core.now()
        self.caller = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self.epoll: select.epoll | None = None
        self.shown = -1  # an eventfd, readable while the object is ready; -1: nobody asked for `fileno`
        self.poll = select.poll()
        self.poll.register(self.caller, select.POLLIN)

    # -- the connection

    def arm(self, until: int = 0) -> None:
        """Have a read outstanding; connect if it is time for that. `until`: how long that may take; 0: not long."""
        if self.line is None:
            self._connect(until)
        line = self.line
        if line is None or self.armed:
            return
        handle = self.handle()
        if handle is None:
            return
        packed = handle._reading()
        if packed:
            self.send(packed)
            self.armed = self.line is not None

    def send(self, packed: bytes) -> None:
        """What has no answer, or a read."""
        line = self.line
        if line is not None:
            try:
                line.send_all(packed, _core.now() + _QUICK_NS)
            except OSError as error:
                self._lose(error)

    def _connect(self, until: int) -> None:
        now = _core.now()
        if now < self.retry_at:
            return
        end = now + _QUICK_NS if until == 0 else self.server.until(until)
        handle = self.handle()
        try:
            line = self.server.connect(end)
            if self.was_there and handle is not None:
                handle._refresh(end)  # after a failover the numbers of entries may be smaller than they were
        except Unreachable as error:
            self._lose(error)
            return
        line.unblock()
        self.line, self.was_there, self.lost, self.pause = line, True, None, _FIRST_NS
        self.poll.register(line.fd, select.POLLIN)
        if self.epoll is not None:
            self.epoll.register(line.fd, select.EPOLLIN)

    def _lose(self, error: Exception) -> None:
        line, self.line = self.line, None
        now = _core.now()
        if line is not None:
            self._drop(line)
            self.pause = _FIRST_NS
        if self.lost is None:
            self.lost_at = now
        self.lost = error if isinstance(error, Unreachable) else unreachable(self.server.address, error)
        # The first try is at once, because most connections are lost alone.
        self.retry_at = now if line is not None else now + self.pause
        if line is None:
            self.pause = min(2 * self.pause, _LAST_NS)

    def _drop(self, line: Line) -> None:
        self.armed = False
        with contextlib.suppress(OSError, KeyError, ValueError):
            self.poll.unregister(line.fd)
        if self.epoll is not None:
            with contextlib.suppress(OSError, ValueError):
                self.epoll.unregister(line.fd)
        line.close()

    def check(self) -> None:
        """Unreachable, if there is no connection: what a wait says whose time is over, or whose patience is."""
        if self.lost is not None:
            raise self.lost from None

    def due(self) -> int:
        """When (ns) to look again though nothing comes: to connect. 0: no need."""
        return self.retry_at or 1 if self.line is None and self.lost is not None else 0

    # -- what comes

    def take(self) -> bool:
        """Take in what has come, without blocking. Did anything?"""
        line = self.line
        if line is None:
            return False
        try:
            answer = line.take()
        except OSError as error:
            self._lose(error)
            self._tell()
            return True
        if answer is False:
            return False
        self.armed = False
        handle = self.handle()
        if type(answer) is ReplyError:
            # The server is going, or the stream is: a new connection looks at what is there.
            self._lose(OSError(str(answer)))
        elif answer is not None and handle is not None:
            handle._heard(answer)
        self._tell()
        return True

    def _tell(self) -> None:
        """What one took in, all hear of: threads, loops, and sets of waits."""
        if self.threads > 1:
            self.turns.notify_all()
        if self.leader and self.leader != threading.get_ident():
            self.call()
        handle = self.handle()
        if handle is not None and handle._bell >= 0:
            _hub.cancelled(handle)

    def call(self) -> None:
        """The leader is to look: from any thread."""
        with contextlib.suppress(OSError, ValueError):
            os.eventfd_write(self.caller, 1)

    # -- waiting threads

    def wait(self, over: Callable[[], Any], until: int, due: Callable[[], int] | None = None) -> Any:
        """Until `over()` is true, which is asked after whatever comes: its answer, at the deadline a false one.

        `due()`: when (ns) it is to be asked though nothing comes; 0: no need. Unreachable at the deadline without a
        connection, or when there was none for as long as one has patience.
        """
        me = threading.get_ident()
        with self.lock:
            self.threads += 1
            try:
                while not (found := over()):
                    now = _core.now()
                    if 0 <= until <= now:
                        self.check()
                        return found
                    if self.lost is not None and now - self.lost_at > self.server.address.patience_ns:
                        self.check()
                    if self.leader not in (0, me):
                        self.turns.wait(self._seconds(until, due, now))
                        continue
                    before, self.leader = self.leader, me
                    try:
                        self._lead(until, due)
                    finally:
                        self.leader = before
                        if not before and self.threads > 1:
                            self.turns.notify()
                return found
            finally:
                self.threads -= 1

    def _lead(self, until: int, due: Callable[[], int] | None) -> None:
        self.arm(until)
        seconds = self._seconds(until, due, _core.now())
        # As Condition.wait does it: a handler that interrupted us may hold the lock more than once.
        held = self.lock._release_save()  # type: ignore[attr-defined]
        try:
            rang = self.poll.poll(seconds * 1000 + 0.5)
        finally:
            self.lock._acquire_restore(held)  # type: ignore[attr-defined]
        for fd, _ in rang:
            if fd == self.caller:
                with contextlib.suppress(BlockingIOError):
                    os.eventfd_read(fd)
        self.take()
        self.look_each_minute()

    def _seconds(self, until: int, due: Callable[[], int] | None, now: int) -> float:
        ends = [self.looked + LOOK_NS]
        if until >= 0:
            ends.append(until)
        if self.line is None and self.lost is not None:
            ends += (self.retry_at, self.lost_at + self.server.address.patience_ns + 1_000_000)
        if due is not None and (when := due()):
            ends.append(when)
        return max(0.0, (min(ends) - now) / 1e9)

    def look_each_minute(self) -> None:
        now = _core.now()
        if now - self.looked > LOOK_NS:
            self.looked = now
            handle = self.handle()
            if handle is not None:
                with contextlib.suppress(Unreachable):
                    handle._refresh(now + _QUICK_NS)

    # -- loops and sets of waits

    def listen(self) -> int:
        """The descriptor by which hubs and sets hear; it lasts as long as this handle."""
        if self.epoll is None:
            self.epoll = select.epoll()
            if self.line is not None:
                self.epoll.register(self.line.fd, select.EPOLLIN)
        return self.epoll.fileno()

    def show(self, *, ready: bool) -> None:
        """For `fileno`: readable while the object is ready, also when nothing new has come."""
        if self.shown < 0:
            return
        if ready:
            with contextlib.suppress(BlockingIOError):
                os.eventfd_write(self.shown, 1)
        else:
            with contextlib.suppress(BlockingIOError):
                os.eventfd_read(self.shown)

    def public(self) -> int:
        """`listen`, which from now on is readable while the object is ready."""
        fd = self.listen()
        if self.shown < 0:
            assert self.epoll is not None
            self.shown = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
            self.epoll.register(self.shown, select.EPOLLIN)
        return fd

    # -- life

    def close(self) -> None:
        """Nobody is in `wait` any more, or will be: he is told by `over`."""
        with self.lock:
            line, self.line = self.line, None
            if line is not None:
                self._drop(line)
            self.turns.notify_all()
            self.call()
            if not self.threads:
                self.give_back()

    def give_back(self) -> None:
        with contextlib.suppress(AttributeError, OSError):
            if self.epoll is not None:
                self.epoll.close()
            for fd in (self.caller, self.shown):
                if fd >= 0:
                    os.close(fd)
            self.caller = self.shown = -1

    def __del__(self) -> None:
        if getattr(self, "line", None) is not None:
            self._drop(self.line)  # type: ignore[arg-type]
        self.give_back()

    def forget(self) -> None:
        """In a fork's child: the connection is the parent's, and so is what its epoll would hear."""
        if self.line is not None:
            self.line.forget()
        self.give_back()
        self.threads = 0
        self._begin()


_living: weakref.WeakSet[Ear] = weakref.WeakSet()


def read_after(streams: dict[bytes, bytes], count: int = 0) -> bytes:
    """The read that waits for what comes after these entries."""
    limit = (b"COUNT", count) if count else ()
    return pack((b"XREAD", *limit, b"BLOCK", 0, b"STREAMS", *streams, *streams.values()))


def _forget_all() -> None:
    for ear in list(_living):
        ear.forget()


forget_in_child(_forget_all)
