"""Ear: the connection on which a handle waits, with a read of its streams outstanding (XREAD BLOCK).

Whatever changes on the server is an entry of a stream, and the read begins behind the last entry that the handle knows
of, so there is no gap between a look and a wait, and none between a connection and the next. Threads of one handle wait
by turns: one of them sleeps on the connection and takes in what comes for all (the leader), the others sleep until it
tells them. Loops and sets of waits listen to `listen()`, an epoll that stays the same when the connection doesn't, and
rings whoever took the news in.
"""

from __future__ import annotations

import contextlib
import os
import select
import threading
import weakref
from collections import deque
from typing import TYPE_CHECKING, Any

from tocsin import _core
from tocsin._errors import Unreachable
from tocsin._fork import forget_in_child
from tocsin._redis.line import ReplyError, pack, unreachable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tocsin._redis.handle_news import RedisKnown
    from tocsin._redis.line import Line
    from tocsin._redis.server import Server

#: How often a waiter looks whether its object is still there: who deletes a key by hand tells nobody.
LOOK_NS = 60_000_000_000
#: How long a connection may take to be made by a thread that waits, which hears nothing else meanwhile; and by those
#: who must not block for long.
_TRY_NS, _QUICK_NS = 5_000_000_000, 1_000_000_000
#: The pauses between tries.
_FIRST_NS, _LAST_NS = 5_000_000, 250_000_000


class Ear:
    """Every handle has one, which opens nothing before it is needed. `lock` is around all of it.

    A handler of a signal that comes in the midst of something holds the lock as well. So what it learns, it leaves in
    `news` for whom it interrupted, who is `busy`.
    """

    def __init__(self, handle: RedisKnown, server: Server) -> None:
        self.handle: Callable[[], RedisKnown | None] = weakref.ref(handle)
        self.server = server
        self.lock = threading.RLock()
        self.turns = threading.Condition(self.lock)
        self.waiting: list[int] = []  # the threads
        self.leader = 0  # the one that sleeps on the connection
        self.is_closed = False
        self._begin()
        _living.add(self)

    def _begin(self) -> None:
        """With nothing open; also in a fork's child."""
        self.line: Line | None = None
        self.armed = False  # is a read outstanding?
        self.asked = b"0-0"  # the entry behind which it reads
        self.was_there = False  # was there ever a connection?
        self.lost: Unreachable | None = None  # why there is none
        self.lost_at = 0
        self.retry_at = 0
        self.pause = _FIRST_NS
        self.looked = _core.now()
        self.busy = self.connecting = False
        self.news: deque[tuple[bytes, list[Any], bool]] = deque()
        self.caller = -1  # an eventfd by which the leader is called
        self.poll: select.poll | None = None
        self.epoll: select.epoll | None = None  # of `listen`
        self.rung = -1  # the eventfd in it
        self.public: select.epoll | None = None  # of `fileno`
        self.shown = -1  # the eventfd in it, readable while the object is ready

    # -- the connection

    def arm(self, until: int = 0) -> bool:
        """Have a read outstanding: was there none? Connect if it is time for that. `until`: how long that may take;
        0: not long."""
        if self.busy:
            self.call()
            return False
        if self.line is None:
            self._connect(until)
        line, handle = self.line, self.handle()
        if line is None or handle is None or self.armed or self.busy:
            return False
        packed = handle._reading()
        if packed:
            self.asked = handle._last
            self.send(packed)
            self.armed = self.line is not None
        self._settle()
        return True

    def send(self, packed: bytes) -> None:
        """What has no answer, or a read."""
        line = self.line
        if line is None:
            return
        self.busy = True
        try:
            line.send_all(packed, _core.now() + _QUICK_NS)
        except OSError as error:
            self._lose(error)
        except BaseException:  # a handler raised: half a question may have gone out
            self._lose(OSError("the question was interrupted"))
            raise
        finally:
            self.busy = False

    def _connect(self, until: int) -> None:
        now = _core.now()
        if self.connecting or self.is_closed or now < self.retry_at:
            return
        end = now + _QUICK_NS if until == 0 else min(self.server.until(until), now + _TRY_NS)
        # Without the lock, which those need who close and cancel.
        self.connecting = True
        held = self.lock._release_save()  # type: ignore[attr-defined]
        try:
            found = self._made(end)
        finally:
            self.lock._acquire_restore(held)  # type: ignore[attr-defined]
            self.connecting = False
        if isinstance(found, Unreachable):
            self._lose(found)
        elif self.is_closed or self.line is not None or found.pid != os.getpid():
            found.close()
        else:
            self._adopt(found)

    def _made(self, end: int) -> Line | Unreachable:
        """A connection, before which nothing is unknown."""
        handle = self.handle()
        try:
            line = self.server.connect(end)
        except Unreachable as error:
            return error
        try:
            if self.was_there and handle is not None:
                handle._refresh(end)  # after a failover the numbers of entries may be smaller than they were
            line.unblock()
        except Unreachable as error:
            line.close()
            return error
        except BaseException:
            line.close()
            raise
        return line

    def _adopt(self, line: Line) -> None:
        self.line, self.was_there, self.lost, self.pause, self.retry_at = line, True, None, _FIRST_NS, 0
        for one in (self.poll, self.epoll, self.public):
            if one is not None:
                one.register(line.fd, select.POLLIN)  # EPOLLIN is the same bit

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
        for one in (self.poll, self.epoll, self.public):
            if one is not None:
                with contextlib.suppress(OSError, KeyError, ValueError):
                    one.unregister(line.fd)
        line.close()

    def check(self) -> None:
        """Unreachable, if there is no connection: what a wait says whose time is over, or whose patience is."""
        if self.lost is not None:
            raise self.lost from None

    def is_given_up(self) -> bool:
        """Has there been no connection for as long as one has patience?"""
        return self.lost is not None and _core.now() - self.lost_at > self.server.address.patience_ns

    def due(self) -> int:
        """When (ns) to look again though nothing comes: to connect. 0: no need."""
        return self.retry_at or 1 if self.line is None and self.lost is not None else 0

    # -- what comes

    def take(self, *, leading: bool = False) -> bool:
        """Take in what has come, without blocking. Did anything?"""
        line = self.line
        if line is None or self.busy:
            return False
        self.busy = True
        try:
            answer = line.take()
            if answer is False:
                return False
            self.armed = False
            handle = self.handle()
            if type(answer) is ReplyError:
                # The server is going, or the stream is: a new connection looks at what is there.
                self._lose(OSError(str(answer)))
            elif answer is not None and handle is not None:
                handle._heard(answer)
        except OSError as error:
            self._lose(error)
        except BaseException:  # a handler raised: part of an answer may be lost
            self._lose(OSError("the answer was interrupted"))
            raise
        finally:
            self.busy = False
        self._settle()
        self.show(ready=True)  # until the next look
        self.tell(leading=leading)
        return True

    def catch_up(self) -> None:
        """After a look: take in the news of what it saw. They are certain to come, and are an edge no more."""
        handle = self.handle()
        self.take()
        end = _core.now() + _QUICK_NS
        while handle is not None and self.armed and self.line is not None and not self.busy:
            if not later(handle._last, self.asked):
                return
            poll = select.poll()
            poll.register(self.line.fd, select.POLLIN)
            left = end - _core.now()
            if left <= 0 or not poll.poll(left / 1e6):
                self._lose(OSError("it doesn't answer"))
                return
            self.take()

    def learn(self, last: bytes, found: list[Any], *, anew: bool = False) -> None:
        """What a look or a change was answered: the last entry, and the fields."""
        self.news.append((last, found, anew))
        with self.lock:
            self._settle()

    def _settle(self) -> None:
        changed = False
        while self.news and not self.busy:
            self.busy = True
            try:
                handle = self.handle()
                while self.news:
                    news = self.news.popleft()
                    changed |= handle is not None and handle._noted(*news)
            finally:
                self.busy = False
        if changed:
            self.tell()

    def tell(self, *, leading: bool = False) -> None:
        """What one took in, all hear of: threads, loops, and sets of waits."""
        if self.waiting:
            if not leading:
                self.call()
            if len(self.waiting) > 1:
                self.turns.notify_all()
        if self.rung >= 0:
            with contextlib.suppress(OSError, ValueError):
                os.eventfd_write(self.rung, 1)

    def call(self) -> None:
        """The leader is to look: from any thread."""
        if self.caller >= 0:
            with contextlib.suppress(OSError, ValueError):
                os.eventfd_write(self.caller, 1)

    # -- waiting threads

    @property
    def threads(self) -> int:
        """How many wait."""
        return len(self.waiting)

    @contextlib.contextmanager
    def counted(self) -> Iterator[None]:
        """Around what waits by other means."""
        me = threading.get_ident()
        with self.lock:
            self.waiting.append(me)
        try:
            yield
        finally:
            with self.lock:
                self.waiting.remove(me)
                if self.is_closed and not self.waiting:
                    self.give_back()

    def wait(self, over: Callable[[], Any], until: int, due: Callable[[], int] | None = None) -> Any:
        """Until `over()` is true, which is asked after whatever comes: its answer, at the deadline a false one.

        `due()`: when (ns) it is to be asked though nothing comes; 0: no need. Unreachable at the deadline without a
        connection, or when there was none for as long as one has patience.
        """
        me = threading.get_ident()
        with self.lock:
            if self.lost is not None and not self.waiting:
                self.lost_at = _core.now()  # nobody has tried since: this wait has patience of its own
            self.waiting.append(me)
            try:
                while not (found := over()):
                    now = _core.now()
                    if 0 <= until <= now:
                        self.check()
                        return found
                    if self.is_given_up():
                        self.check()
                    if self.leader not in (0, me):
                        self.turns.wait(self._seconds(until, due, now))
                        continue
                    before, self.leader = self.leader, me
                    try:
                        self._lead(until, due)
                    finally:
                        self.leader = before
                        if not before and len(self.waiting) > 1:
                            self.turns.notify()
                return found
            finally:
                self.waiting.remove(me)
                if self.is_closed and not self.waiting:
                    self.give_back()

    def _lead(self, until: int, due: Callable[[], int] | None) -> None:
        if self.caller < 0:
            self.caller = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        if self.poll is None:
            self.poll = select.poll()
            self.poll.register(self.caller, select.POLLIN)
            if self.line is not None:
                self.poll.register(self.line.fd, select.POLLIN)
        if self.arm(until):
            return  # what was learnt before it was sent is no news: ask once more
        poll, seconds = self.poll, self._seconds(until, due, _core.now())
        # As Condition.wait does it: a handler that we interrupted may hold the lock more than once.
        held = self.lock._release_save()  # type: ignore[attr-defined]
        try:
            rang = poll.poll(seconds * 1000)
        finally:
            self.lock._acquire_restore(held)  # type: ignore[attr-defined]
        for fd, _ in rang:
            if fd == self.caller:
                with contextlib.suppress(BlockingIOError):
                    os.eventfd_read(fd)
        self.take(leading=True)
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
        """The descriptor by which hubs and sets hear; it lasts as long as this handle. Each news is an edge of it."""
        if self.epoll is None:
            self.epoll, self.rung = self._opened()
        return self.epoll.fileno()

    def fileno(self) -> int:
        """A descriptor that is readable when something came, and while `show` says so."""
        if self.public is None:
            self.public, self.shown = self._opened()
        return self.public.fileno()

    def _opened(self) -> tuple[select.epoll, int]:
        epoll = select.epoll()
        fd = -1
        try:
            fd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
            epoll.register(fd, select.EPOLLIN)
            if self.line is not None:
                epoll.register(self.line.fd, select.EPOLLIN)
        except BaseException:
            epoll.close()
            if fd >= 0:
                os.close(fd)
            raise
        return epoll, fd

    def show(self, *, ready: bool) -> None:
        """For `fileno`: readable while the object is ready, also when nothing new has come."""
        if self.shown >= 0:
            with contextlib.suppress(BlockingIOError):
                os.eventfd_write(self.shown, 1) if ready else os.eventfd_read(self.shown)

    # -- life

    def close(self) -> None:
        """Nobody is in `wait` any more, or will be: he is told by `over`."""
        with self.lock:
            self.is_closed = True
            line, self.line = self.line, None
            if line is not None:
                self._drop(line)
            self.turns.notify_all()
            self.call()
            if not self.waiting:
                self.give_back()

    def give_back(self) -> None:
        for epoll in (self.epoll, self.public):
            if epoll is not None:
                epoll.close()
        descriptors = self.caller, self.rung, self.shown
        self.epoll = self.public = self.poll = None
        self.caller = self.rung = self.shown = -1
        for fd in descriptors:
            if fd >= 0:
                os.close(fd)

    def __del__(self) -> None:
        with contextlib.suppress(AttributeError, OSError):  # half made, or at the interpreter's end
            if self.line is not None:
                self._drop(self.line)
            self.give_back()

    def forget(self) -> None:
        """In a fork's child: the connection is the parent's, and so is what its epolls would hear.

        The thread that forked may be in `wait` itself, by a handler, and goes on.
        """
        me = threading.get_ident()
        lock: Any = self.lock
        held = lock._release_save() if lock._is_owned() else None
        lock._at_fork_reinit()
        if self.line is not None:
            self.line.forget()
        self.give_back()
        self._begin()
        self.waiting = [one for one in self.waiting if one == me]
        self.leader = me if self.leader == me else 0
        with lock:
            self.turns.notify_all()  # whose leader has not come along
        if held is not None:
            lock._acquire_restore(held)


_living: weakref.WeakSet[Ear] = weakref.WeakSet()


def later(one: bytes, other: bytes) -> bool:
    """Of two entries' numbers: does `one` come after `other`?"""
    return one != other and _number(one) > _number(other)


def _number(entry: bytes) -> tuple[int, int]:
    first, _, second = entry.partition(b"-")
    return int(first), int(second)


def read_after(streams: dict[bytes, bytes], count: int = 0) -> bytes:
    """The read that waits for what comes after these entries."""
    limit = (b"COUNT", count) if count else ()
    return pack((b"XREAD", *limit, b"BLOCK", 0, b"STREAMS", *streams, *streams.values()))


def _forget_all() -> None:
    for ear in list(_living):
        ear.forget()


forget_in_child(_forget_all)
