"""Ear: the connection on which a handle waits, with a read of its streams outstanding (XREAD BLOCK).

Whatever changes on the server is an entry of a stream, and the read begins behind the last entry that the handle knows
of, so there is no gap between a look and a wait, and none between a connection and the next (`ear_line`). Threads of
one handle wait by turns (`ear_turns`); loops and sets of waits listen to a descriptor that stays the same when the
connection doesn't, and rings whoever took the news in (`ear_bells`).
"""

from __future__ import annotations

import contextlib
import select
import weakref
from collections import deque
from typing import TYPE_CHECKING, Any

from tocsin import _core
from tocsin._errors import Unreachable
from tocsin._fork import forget_in_child
from tocsin._redis.ear_bells import Bells
from tocsin._redis.ear_line import QUICK_NS, EarLine
from tocsin._redis.ear_turns import Turns
from tocsin._redis.line import ReplyError, pack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tocsin._redis.handle_news import RedisKnown
    from tocsin._redis.server import Server

#: How often a waiter looks whether its object is still there: who deletes a key by hand tells nobody.
LOOK_NS = 60_000_000_000


class Ear(EarLine):
    """Every handle has one, which opens nothing before it is needed. `lock` is around all of it.

    A handler of a signal that comes in the midst of something holds the lock as well. So what it learns, it leaves in
    `news` for whom it interrupted, who is `busy`.
    """

    def __init__(self, handle: RedisKnown, server: Server) -> None:
        super().__init__(server)
        self.handle: Callable[[], RedisKnown | None] = weakref.ref(handle)
        self.turns = Turns(self.lock)
        self.bells = Bells()
        self._begin()
        _living.add(self)

    def _begin(self) -> None:
        """Nothing was asked; also in a fork's child."""
        self.asked = b"0-0"  # the entry behind which it reads
        self.looked = self.heard = _core.now()  # when it last looked for itself, and when anything was answered
        self.busy = False
        self.news: deque[tuple[bytes, list[Any], bool]] = deque()

    def _lose(self, error: Exception) -> None:
        is_news = self.line is not None or self.lost is None
        super()._lose(error)
        if is_news:  # who leads is to connect, the others are to know how long they have patience
            self.turns.rouse()

    # -- the read

    def arm(self, until: int = 0) -> bool:
        """Have a read outstanding: was it sent just now? Connect if it is time for that. `until`: how long that may
        take; 0: not long."""
        if self.busy:
            self.turns.call()
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
        return bool(packed)

    def send(self, packed: bytes) -> None:
        """What has no answer, or a read."""
        line = self.line
        if line is None:
            return
        self.busy = True
        try:
            line.send_all(packed, _core.now() + QUICK_NS)
        except OSError as error:
            self._lose(error)
        except BaseException:  # a handler raised: half a question may have gone out
            self._lose(OSError("the question was interrupted"))
            raise
        finally:
            self.busy = False

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
            self.armed, self.heard = False, _core.now()
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
        self.bells.show(ready=True)  # until the next look
        self.tell(leading=leading)
        return True

    def catch_up(self) -> None:
        """After a look: take in the news of what it saw. They are certain to come, and are an edge no more."""
        handle = self.handle()
        self.take()
        end = _core.now() + QUICK_NS
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

    def doubt(self) -> None:
        """After a look of one who had heard nothing. What it found must be here: else nothing comes through on this
        connection, though nobody said so."""
        with self.lock:
            handle = self.handle()
            if handle is None or not self.armed or self.busy or not later(handle._last, self.asked) or self.take():
                return
            self._lose(OSError("it doesn't answer"))
            self.tell()

    def suspect(self, error: Unreachable) -> None:
        """A look had no answer: so there is no connection before the next one has. Unreachable, if patience is over."""
        with self.lock:
            if self.is_given_up():
                raise error
            if self.line is not None or self.lost is None:
                self.asks_first = True
                self._lose(error)
                self.tell()

    # -- looks

    def learn(self, last: bytes, found: list[Any], *, anew: bool = False) -> None:
        """What a look or a change was answered: the last entry, and the fields."""
        self.news.append((last, found, anew))
        self.heard = _core.now()
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

    def _refresh(self, end: int) -> None:
        handle = self.handle()
        if handle is not None:
            handle._refresh(end)

    def look_at(self) -> int:
        """When (ns) it is time for a look though nothing came."""
        return self.looked + LOOK_NS

    def look_each_minute(self) -> None:
        now = _core.now()
        if now > self.look_at():
            self.looked = now
            with contextlib.suppress(Unreachable):
                self._refresh(now + QUICK_NS)

    # -- who hears of it

    def tell(self, *, leading: bool = False) -> None:
        """What one took in, all hear of: threads, loops, and sets of waits."""
        self.turns.tell(leading=leading)
        self.bells.ring()

    def rouse(self) -> None:
        """Cancelled: all are to look."""
        with self.lock:
            self.turns.rouse()
            self.bells.show(ready=True)

    @property
    def threads(self) -> int:
        """How many wait."""
        return len(self.turns.waiting)

    @contextlib.contextmanager
    def counted(self) -> Iterator[None]:
        """Around what waits by other means."""
        with self.lock:
            self.turns.enter()
        try:
            yield
        finally:
            with self.lock:
                self._leave()

    def wait(self, over: Callable[[], Any], until: int, due: Callable[[], int] | None = None, *,
             is_first: bool = False) -> Any:
        """Until `over()` is true, which is asked after whatever comes: its answer, at the deadline a false one.

        `due()`: when (ns) it is to be asked though nothing comes; 0: no need. Unreachable at the deadline without a
        connection, or when there was none for as long as one has patience. `is_first`: before others who wait.
        """
        with self.lock:
            if self.lost is not None and not self.turns.waiting:
                self.lost_at = _core.now()  # nobody has tried since: this wait has patience of its own
            self.turns.enter()
            try:
                return self.turns.wait_first(self, over, until) if is_first else self.turns.wait(self, over, until, due)
            finally:
                self._leave()

    def _leave(self) -> None:
        self.turns.leave()
        if self.is_closed and not self.turns.waiting:
            self._give_back()

    # -- life

    def close(self) -> None:
        """Nobody is in `wait` any more, or will be: he is told by `over`."""
        with self.lock:
            self.is_closed = True
            self._drop()
            self.turns.rouse()
            if not self.turns.waiting:
                self._give_back()

    def _give_back(self) -> None:
        self.watching.clear()
        self.bells.close()
        self.turns.close()

    def __del__(self) -> None:
        with contextlib.suppress(AttributeError, OSError):  # half made, or at the interpreter's end
            self._drop()
            self._give_back()

    def forget(self) -> None:
        """In a fork's child: the connection is the parent's, and so is what its epolls would hear."""
        lock: Any = self.lock
        held = lock._release_save() if lock._is_owned() else None
        lock._at_fork_reinit()
        if self.line is not None:
            self.line.forget()
        self._give_back()
        self._begin_line()
        self._begin()
        with lock:
            self.turns.forget()
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
