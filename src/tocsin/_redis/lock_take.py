"""Taking a lock on a server: asked for, waited for, asked for again.

Each taking has a name of its own, so one whose answer was lost is simply asked for again. Of those who wait by one
handle one asks for all; the others hear of what he was answered.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import threading
import weakref
from typing import TYPE_CHECKING

from tocsin import _core
from tocsin._errors import Unreachable
from tocsin._fork import forget_in_child
from tocsin._redis.handle_wait import News
from tocsin._redis.held import RedisHeld
from tocsin._redis.owner import LOOK_NS, owner_of_process
from tocsin._redis.script import script
from tocsin._redis.server import Refusal
from tocsin._redis.steps import in_task, in_thread
from tocsin._wait import current_task, warn_if_loop_is_running

if TYPE_CHECKING:
    from tocsin._lock import Lock
    from tocsin._redis.steps import Steps

    class Base(RedisHeld, Lock):
        """What it is mixed into."""

else:
    Base = RedisHeld

RELEASE = script("lock_release")
_ACQUIRE = script("lock_acquire")


class RedisLockTaking(Base):
    """What `RedisLock` is taken by."""

    _command: bytes
    _held = b""
    _held_in = 0  # the process that took it: a fork's child holds nothing
    _was_left = False
    _fence = _count = 0
    _thread = 0
    _task: object = None

    def _begin_taking(self) -> None:
        self._own = os.urandom(6).hex().encode()
        self._serial = itertools.count()
        self._doubtful: list[bytes] = []  # takings whose answer was lost: they may hold it
        self._forget()
        _living.add(self)

    def _forget(self) -> None:
        """In the beginning, and in a fork's child."""
        self._asks = threading.Lock()  # one of those who wait asks
        self._waiters = 0
        self._books = threading.RLock()

    def _mine(self) -> int:
        if not self._held or self._held_in != os.getpid():
            return 0
        return 1 + self._was_left

    def acquire(self, blocking: bool = True, timeout: float | None = -1) -> bool:  # noqa: FBT001, FBT002 - threading's
        return in_thread(self._acquire_steps(_core.lock_deadline(blocking, timeout), "acquire_async"))

    async def acquire_async(self, blocking: bool = True, timeout: float | None = -1) -> bool:  # noqa: FBT001, FBT002 - threading's
        return await in_task(self._acquire_steps(_core.lock_deadline(blocking, timeout), ""))

    def _acquire_steps(self, until: int, twin: str) -> Steps[bool]:
        if until == 0:
            if (yield from self._try_now()):
                return True
            return (yield from self._look_after_steps()) and (yield from self._try_now())
        wake = hungry = _core.now() + _core.LOCK_HUNGRY_NS
        seen = self._count
        self._change_waiters(1)
        try:
            if (yield from self._try(0, until)):
                return True
            self._refuse_recursion()
            if twin:
                warn_if_loop_is_running(twin, 2)
            while True:
                yield News(self, 0, seen, until, wake)
                self._check()
                seen, now = self._count, _core.now()
                is_late = 0 <= until <= now
                waits = 2 * (is_late or now >= hungry)
                if (yield from self._try(waits, until)) or (
                    (yield from self._look_after_steps()) and (yield from self._try(waits, until))
                ):
                    return True
                if is_late:
                    break
                wake = hungry if now < hungry else now + LOOK_NS
        except BaseException:
            self._call_others()
            raise
        finally:
            self._change_waiters(-1)
        self._call_others()
        return False

    def _refuse_recursion(self) -> None:
        if self._mine() and self._thread == threading.get_ident() and self._task is current_task():
            self._fail_recursion()

    # -- asking for it

    def _try_now(self) -> Steps[bool]:
        """Of one who does not wait, so nothing is kept from him for those who do."""
        if self._over:
            self._fail(self._over)
        return not self._mine() and (yield from self._ask_for_it(1, 0, 0))

    def _try(self, waits: int, until: int) -> Steps[bool]:
        """Of one who waits: 0 from now on, 2 since long. While this handle has it, or asks, there is nothing to ask."""
        if self._over:
            self._fail(self._over)
        if self._mine() or not self._asks.acquire(blocking=False):
            return False
        asks = self._asks
        try:
            return not self._mine() and (yield from self._ask_for_it(int(waits > 0), waits or 1, until))
        finally:
            asks.release()

    def _ask_for_it(self, goes_first: int, waits: int, until: int) -> Steps[bool]:
        taking = self._taking()
        try:
            args = self._id, taking, b"%d %b" % (os.getpid(), self._command), goes_first, waits
            answer = yield from self._server.run_steps(_ACQUIRE, (self._key,), args, until)
        except Refusal as refusal:
            raise self._refused(refusal) from None
        except BaseException as error:
            self._doubt(taking, error)
            raise
        if not answer[0]:
            self._take_in(answer[1], answer[2:])
            self._show()
            return False
        fence, was_left, last = answer
        self._fence, self._was_left = fence, was_left == b"1"
        self._thread, self._task, self._held_in, self._held = threading.get_ident(), current_task(), os.getpid(), taking
        self._take_in(last, [taking, b"", b"0", b"0", fence])
        self._show()
        return True

    def _taking(self) -> bytes:
        """A name for it; that of one whose answer was lost, which then is answered."""
        with contextlib.suppress(IndexError):
            return self._doubtful.pop()
        return b"%b:%b.%d" % (owner_of_process(self._server).id, self._own, next(self._serial))

    def _doubt(self, taking: bytes, error: BaseException) -> None:
        """It has no answer. Who was interrupted doesn't hold it; of a lost server the next call asks the same again."""
        if not isinstance(error, (Unreachable, FileNotFoundError)):
            try:
                self._server.change(RELEASE, (self._key, self._stream), (self._id, taking), 0)
            except Refusal:
                return  # it didn't have it
            except (OSError, ValueError):
                pass
            else:
                return
        if not isinstance(error, FileNotFoundError):
            self._doubtful.append(taking)

    def _change_waiters(self, by: int) -> None:
        with self._books:
            self._waiters += by

    def _call_others(self) -> None:
        """Who waited and leaves may have asked for others, who then must ask themselves."""
        ear = self._ear
        with ear.lock:
            self._count += 1
            ear.tell()


_living: weakref.WeakSet[RedisLockTaking] = weakref.WeakSet()


def _forget_all() -> None:
    for lock in list(_living):
        lock._forget()


forget_in_child(_forget_all)
