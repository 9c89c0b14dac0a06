"""Lock on a server: a holder in a hash, which scripts put in and take out, and a stream that says when it is free.

Taking it is one question, giving it back another, which is an entry of the stream only if somebody waits. Who waits
hears of that and asks again. Each taking has a name of its own, so one whose answer was lost is simply asked for again.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import threading
import weakref
from _operator import ne
from typing import TYPE_CHECKING, Any

from tocsin import _core
from tocsin._errors import Unreachable
from tocsin._fork import forget_in_child
from tocsin._lock import Lock
from tocsin._redis.handle import NEVER
from tocsin._redis.held import RedisHeld, note_of
from tocsin._redis.owner import LOOK_NS, owner_of_process
from tocsin._redis.script import script
from tocsin._redis.server import Refusal
from tocsin._wait import current_task, warn_if_loop_is_running

if TYPE_CHECKING:
    from typing import NoReturn

_ACQUIRE = script("lock_acquire")
_RELEASE = script("lock_release")
_LEFT = script("lock_left")
_LOOK = script("lock_look")


class RedisLock(RedisHeld, Lock):
    """What `Lock("name", at="redis://...")` makes: see `Lock`.

    Tickets count the news, which are a reason to ask and no more. Of those who wait by one handle one asks for all.
    """

    _fields = ("holder", "who", "left", "waits", "fence")
    _passed = staticmethod(ne)
    _holder_known = _who = _held = b""
    _is_left = _is_marked = False  # did its last holder leave it behind; will its end be an entry?
    _held_in = 0  # the process that took it: a fork's child holds nothing
    _was_left = False
    _fence = _count = 0
    _moment = (0, True)  # of what is known: the turn (its fence), and whether it is over; news may overtake each other
    _thread = 0
    _task: object = None

    def _config(self, *more: Any) -> dict[str, Any]:
        self._command: bytes = more[0]
        self._own = os.urandom(6).hex().encode()
        self._serial = itertools.count()
        self._doubtful: list[bytes] = []  # takings whose answer was lost: they may hold it
        self._let_go = b""  # the one whose release had no answer
        self._forget()
        _living.add(self)
        nothing: dict[str, Any] = dict.fromkeys(("holder", "who"), (None, ""))
        return nothing | dict.fromkeys(("left", "waits", "fence", "told"), (None, 0))

    def _forget(self) -> None:
        """In the beginning, and in a fork's child."""
        self._asks = threading.Lock()  # one of those who wait asks
        self._waiters = 0
        self._books = threading.RLock()

    # -- what is known

    def _know(self, found: list[Any], *, anew: bool = False) -> None:
        holder, who, left, waits, fence = found
        moment = (int(fence), not holder)
        if anew:
            self._count += 1
        elif moment < self._moment:  # what was so then, is over
            return
        self._holder_known, self._who, self._moment = holder + b"", who + b"", moment
        self._is_left, self._is_marked = left == b"1", waits != b"0"

    def _learn(self, fields: dict[bytes, bytes]) -> None:
        self._count += 1
        self._free(int(fields[b"free"]))

    def _free(self, fence: int) -> None:
        """After that turn."""
        if self._moment <= (fence, True):
            self._holder_known, self._is_marked, self._moment = b"", False, (fence, True)

    def _ticket_of(self, side: int) -> int:  # noqa: ARG002 - they all wait for the same
        return self._count

    def _held_by(self) -> bytes:
        return self._holder_known

    def _ready(self) -> bool:
        return not self._holder_known

    def _look_if_unsure(self) -> None:
        """Is it free? Who saw it held, and noted that he waits, hears of its end."""
        with contextlib.suppress(FileNotFoundError):
            if self._look_after() or not (self._holder_known and self._is_marked):
                self._look_waiting()

    def _look_waiting(self) -> None:
        if self._over:
            self._fail(self._over)
        self._looked(self._run(_LOOK, (self._key,), (self._id,), 0))

    def _judge(self, seen: int) -> int:
        ear = self._ear
        with ear.lock:
            ear.take()
        if seen == NEVER and not self._over:
            return self._judge_now()
        if not self._over:
            self._look_if_unsure()
        return super()._judge(0)

    def _judge_now(self) -> int:
        """By a look alone, because news that come late tell of what was; and by its turns, so that who looks twice
        (`wait_all`) sees that it was taken in between and given back."""
        with contextlib.suppress(FileNotFoundError):
            self._look_after()
            found = self._run(_LOOK, (self._key,), (self._id,), 0)
            self._looked(found)
            is_free, turns = not found[2], int(found[6])
            ready = super()._judge(0) >= 0 and bool(self._over or self._stopped)
            return turns if is_free or ready else ~turns
        return super()._judge(0)

    def _is_ready(self, seen: int) -> bool:  # noqa: ARG002 - it is now, or it isn't
        try:
            return self._judge(NEVER) >= 0
        except ValueError:
            return True

    def _show(self) -> None:
        if self._ear.shown >= 0:
            self._look_if_unsure()
        super()._show()

    # -- taking it

    def acquire(self, blocking: bool = True, timeout: float | None = -1) -> bool:  # noqa: FBT001, FBT002 - threading's
        until = _core.lock_deadline(blocking, timeout)
        if until == 0:
            return self._try_now() or (self._look_after() and self._try_now())
        wake = hungry = _core.now() + _core.LOCK_HUNGRY_NS
        seen = self._count

        def over() -> bool:
            self._check()
            return self._count != seen or _core.now() >= wake

        def due() -> int:
            return wake

        self._change_waiters(1)
        try:
            if self._try(0, until):
                return True
            self._refuse_recursion()
            warn_if_loop_is_running("acquire_async")
            while True:
                self._ear.wait(over, until, due)
                seen, now = self._count, _core.now()
                is_late = 0 <= until <= now
                waits = 2 * (is_late or now >= hungry)
                if self._try(waits, until) or (self._look_after() and self._try(waits, until)):
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

    async def acquire_async(self, blocking: bool = True, timeout: float | None = -1) -> bool:  # noqa: FBT001, FBT002 - threading's
        until = _core.lock_deadline(blocking, timeout)
        if until == 0:
            if self._over:
                self._fail(self._over)
            return not self._mine() and await self._ask_for_it_async(1, 0, 0)
        wake = hungry = _core.now() + _core.LOCK_HUNGRY_NS
        seen = self._count
        self._change_waiters(1)
        try:
            if await self._try_async(0, until):
                return True
            self._refuse_recursion()
            while True:
                await self._news(0, seen, until, wake)
                self._check()
                seen, now = self._count, _core.now()
                is_late = 0 <= until <= now
                waits = 2 * (is_late or now >= hungry)
                if await self._try_async(waits, until) or (
                    await self._look_after_async() and await self._try_async(waits, until)
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

    def _try_now(self) -> bool:
        """Of one who does not wait, so nothing is kept from him for those who do."""
        if self._over:
            self._fail(self._over)
        return not self._mine() and self._ask_for_it(1, 0, 0)

    def _try(self, waits: int, until: int) -> bool:
        """Of one who waits: 0 from now on, 2 since long. While this handle has it, or asks, there is nothing to ask."""
        if self._over:
            self._fail(self._over)
        if self._mine() or not self._asks.acquire(blocking=False):
            return False
        asks = self._asks
        try:
            return not self._mine() and self._ask_for_it(int(waits > 0), waits or 1, until)
        finally:
            asks.release()

    async def _try_async(self, waits: int, until: int) -> bool:
        if self._over:
            self._fail(self._over)
        if self._mine() or not self._asks.acquire(blocking=False):
            return False
        asks = self._asks
        try:
            return not self._mine() and await self._ask_for_it_async(int(waits > 0), waits or 1, until)
        finally:
            asks.release()

    def _ask_for_it(self, goes_first: int, waits: int, until: int) -> bool:
        taking = self._taking()
        try:
            answer = self._run(_ACQUIRE, (self._key,), self._asking_for(taking, goes_first, waits), until)
        except BaseException as error:
            self._doubt(taking, error)
            raise
        return self._taken(taking, answer)

    async def _ask_for_it_async(self, goes_first: int, waits: int, until: int) -> bool:
        from tocsin._redis import asks

        taking = self._taking()
        try:
            args = self._asking_for(taking, goes_first, waits)
            answer = await asks.run(self._server, _ACQUIRE, (self._key,), args, until)
        except Refusal as refusal:
            raise self._refused(refusal) from None
        except BaseException as error:
            self._doubt(taking, error)
            raise
        return self._taken(taking, answer)

    def _taking(self) -> bytes:
        """A name for it; that of one whose answer was lost, which then is answered."""
        with contextlib.suppress(IndexError):
            return self._doubtful.pop()
        return b"%b:%b.%d" % (owner_of_process(self._server).id, self._own, next(self._serial))

    def _asking_for(self, taking: bytes, goes_first: int, waits: int) -> tuple[Any, ...]:
        return self._id, taking, b"%d %b" % (os.getpid(), self._command), goes_first, waits

    def _taken(self, taking: bytes, answer: list[Any]) -> bool:
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

    def _doubt(self, taking: bytes, error: BaseException) -> None:
        """It has no answer. Who was interrupted doesn't hold it; of a lost server the next call asks the same again."""
        if not isinstance(error, (Unreachable, FileNotFoundError)):
            try:
                self._server.change(_RELEASE, (self._key, self._stream), (self._id, taking), 0)
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

    # -- giving it back

    def release(self) -> None:
        self._check_open()
        with self._books:
            taking = self._held if self._held_in == os.getpid() else b""
            self._held = b""
        if not taking:
            self._fail_release(-errno.EPERM)
        self._thread, self._task = 0, None
        try:
            self._server.change(_RELEASE, (self._key, self._stream), (self._id, taking), -1)
        except Refusal as refusal:
            if refusal.reason == -errno.ESTALE and taking != self._let_go:
                self._fail_release(-errno.ENOLCK)
            if refusal.reason == -errno.EIDRM:
                self._finish(-errno.EIDRM)  # as good as before
        except BaseException:
            self._held = self._let_go = taking  # whether it was done, is not known: it may be asked for again
            raise
        finally:
            if not self._held:
                self._free(self._fence)
                self._call_others()
        self._show()

    def _abandon(self) -> None:
        """Closed while it is held: free, and the next one is told."""
        with self._books:
            taking, self._held = self._held, b""
        mine = self._held_in == os.getpid()
        with contextlib.suppress(Refusal):
            if taking and mine:
                self._server.run(_LEFT, (self._key, self._stream), (self._id, taking), -1)
        while mine and self._doubtful:
            with contextlib.suppress(Refusal):
                self._server.change(_RELEASE, (self._key, self._stream), (self._id, self._doubtful.pop()), -1)

    def _bury(self, holder: bytes) -> None:
        self._run(_LEFT, (self._key, self._stream), (self._id, holder))

    def _close(self) -> None:
        try:
            if not self._over:
                self._abandon()
        finally:
            super()._close()

    def __del__(self) -> None:
        super().__del__()
        with contextlib.suppress(Exception):  # half made, or at the interpreter's end
            if self._held or self._doubtful:
                self._abandon()

    # -- what it tells

    def _found(self) -> dict[str, Any]:
        found = super()._found()
        found["waiting_here"] = max(found["waiting_here"], self._waiters)  # also those who are asking just now
        return found

    def locked(self) -> bool:
        return bool(self._found_there()[0])

    def _found_there(self) -> list[Any]:
        """The values of `_fields`, after a look whether the holder lives."""
        found = self._look_there()
        if self._look_after():
            found = self._look_there()
        self._show()
        return found

    @property
    def fence(self) -> int | None:
        return self._fence if self._mine() else None

    def _mine(self) -> int:
        if not self._held or self._held_in != os.getpid():
            return 0
        return 1 + self._was_left

    def _refuse_recursion(self) -> None:
        if self._mine() and self._thread == threading.get_ident() and self._task is current_task():
            self._fail_recursion()

    def _holder(self) -> tuple[int, bytes, bool] | int | None:
        if self._over == -errno.ESHUTDOWN:
            return self._over
        try:
            holder, who, left = self._found_there()[:3]
        except FileNotFoundError:
            return None
        return (*note_of(who), bool(holder)) if holder or left == b"1" else None

    def _fail_release(self, reason: int) -> NoReturn:
        if reason == -errno.ENOLCK:
            raise RuntimeError(
                f"{self._title()} was taken by another: this process had no connection to the server, and looked dead"
            )
        super()._fail_release(reason)


_living: weakref.WeakSet[RedisLock] = weakref.WeakSet()


def _forget_all() -> None:
    for lock in list(_living):
        lock._forget()


forget_in_child(_forget_all)
