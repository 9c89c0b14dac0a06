"""Lock on a server: a holder in a hash, which scripts put in and take out, and a stream that says when it is free.

Taking it is one question, giving it back another, which is an entry of the stream only if somebody waits. Who waits
hears of that and asks again (`lock_take`).
"""

from __future__ import annotations

import contextlib
import errno
import os
from _operator import ne
from typing import TYPE_CHECKING, Any

from tocsin._lock import Lock
from tocsin._redis.handle import NEVER
from tocsin._redis.held import note_of
from tocsin._redis.lock_take import RELEASE, RedisLockTaking
from tocsin._redis.script import script
from tocsin._redis.server import SOON, Refusal

if TYPE_CHECKING:
    from typing import NoReturn

_LEFT = script("lock_left")
_LOOK = script("lock_look")


class RedisLock(RedisLockTaking, Lock):
    """What `Lock("name", at="redis://...")` makes: see `Lock`. Tickets count the news, which are a reason to ask."""

    _fields = ("holder", "who", "left", "waits", "fence")
    _passed = staticmethod(ne)
    _holder_known = _who = b""
    _is_left = _is_marked = False  # did its last holder leave it behind; will its end be an entry?
    _moment = (0, True)  # of what is known: the turn (its fence), and whether it is over; news may overtake each other

    def _config(self, *more: Any) -> dict[str, Any]:
        self._command = more[0]
        self._let_go = b""  # the taking whose release had no answer
        self._begin_taking()
        nothing: dict[str, Any] = dict.fromkeys(("holder", "who"), (None, ""))
        return nothing | dict.fromkeys(("left", "waits", "fence", "told"), (None, 0))

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
        self._looked(self._run(_LOOK, (self._key,), (self._id,), SOON))

    def _verdict(self, seen: int) -> int:
        ear = self._ear
        with ear.lock:
            ear.take()
        if seen == NEVER and not self._over:
            return self._verdict_now()
        if not self._over:
            self._look_if_unsure()
        return super()._verdict(0)

    def _verdict_now(self) -> int:
        """By a look alone, because news that come late tell of what was; and by its turns, so that who looks twice
        (`wait_all`) sees that it was taken in between and given back."""
        with contextlib.suppress(FileNotFoundError):
            self._look_after()
            found = self._run(_LOOK, (self._key,), (self._id,), SOON)
            self._looked(found)
            is_free, turns = not found[2], int(found[6])
            ready = super()._verdict(0) >= 0 and bool(self._over or self._stopped)
            return turns if is_free or ready else ~turns
        return super()._verdict(0)

    def _is_ready(self, seen: int) -> bool:  # noqa: ARG002 - it is now, or it isn't
        try:
            return self._judge(NEVER) >= 0
        except ValueError:
            return True

    def _show(self) -> None:
        if self._ear.bells.shown >= 0:
            self._look_if_unsure()
        super()._show()

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
            self._server.change(RELEASE, (self._key, self._stream), (self._id, taking), -1)
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
                self._server.change(RELEASE, (self._key, self._stream), (self._id, self._doubtful.pop()), -1)

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
