"""Lock: one at a time, between processes that need not know each other."""

from __future__ import annotations

import errno
import warnings
from _operator import gt

from tocsin import _core
from tocsin._object import Handle, class_at
from tocsin._owner import command_line, owner_of
from tocsin._wait import current_task

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Any, NoReturn, Self

    from tocsin._object import Path
    from tocsin._owner import Owner
    from tocsin._stats import LockStats


class Lock(_core.Lock, Handle):
    """``threading.Lock``'s API between unrelated processes, threads and tasks, given back by its holder's death.

    ``Lock("db/migrate")`` in any process of this user is the same lock; ``with lock:`` takes it and gives it back.

    The races it removes: a pid file and a lock with a time limit are taken from who is only slow, or kept for who is
    dead. Here the kernel knows who lives. However the holder ends, by SIGKILL, a crash, an exit or ``execve``, the next
    one gets it at once, without looking again and again, and is told: `abandoned`. A holder that is slow or stopped is
    never robbed. Who has waited for more than a millisecond goes before those who come later, so a loop that locks and
    unlocks starves nobody.

    Unlike ``threading.Lock`` it belongs to the handle that took it: `release` by another handle is a RuntimeError, by
    another thread with this handle it is fine. Taking it twice in one thread (or task) by one handle is a RuntimeError
    and doesn't hang. ``multiprocessing.Lock`` stays locked for ever when its holder is killed. A forked child holds
    nothing; its parent still does. It keeps out those who ask for it and nobody else.

    Args:
        name: as for `Event`. None: anonymous.
        at: the place: "user", "system", or a directory. None: ``TOCSIN_AT``, else "user".
        mode: permission bits of the file; 0o600 when it is made and none is given.
        create: False: FileNotFoundError when there is none.

    Raises:
        ValueError: a bad name, place or mode. PermissionError, FileNotFoundError, OSError: as the file system says.
        WrongKind, ConfigMismatch, ObjectDamaged, FormatMismatch: what the file is.
    """

    _class = "Lock"
    _kind = "lock"
    _passed = staticmethod(gt)  # a ticket says 1 when it can be taken: a death changes no count

    if not TYPE_CHECKING:

        def _made(cls, *args: Any, **more: Any) -> Any:  # noqa: N805 - see below
            return super().__new__(class_at(cls, args[0] if args else more.get("name"), more.get("at")))

        __new__ = _made.__call__  # a slot's wrapper, so that what people see as the signature is that of __init__

    def __init__(
        self,
        name: Path | None = None,
        *,
        at: Path | None = None,
        mode: int | None = None,
        create: bool = True,
    ) -> None:
        self._start(name, at, mode, command_line(None), create=create)

    # -- acquire release locked are the binding's own methods, for their speed, and so is `with`

    async def acquire_async(self, blocking: bool = True, timeout: float | None = -1) -> bool:  # noqa: FBT001, FBT002 - threading's
        """`acquire`, on asyncio, uvloop and trio. Safe to cancel: who is cancelled doesn't hold it.

        Two tasks may use one handle: each waits for the other. No thread is used, and none is left behind.
        """
        until = _core.lock_deadline(blocking, timeout)
        if not blocking:
            return self.acquire(False)
        if self._attempt(0):
            return True
        if until == 0:
            return False
        self._refuse_recursion()
        from tocsin._aio import wait_change

        since = _core.now()
        hungry = since + _core.LOCK_HUNGRY_NS
        while True:
            early = _core.now() < hungry and (until < 0 or hungry < until)
            changed = await wait_change(self, int(early), 0, hungry if early else until)
            if self._attempt(since):
                return True
            if not changed and not early:
                return False

    async def __aenter__(self) -> Self:
        await self.acquire_async()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    @property
    def abandoned(self) -> bool:
        """While this handle holds it: did its last holder die, or close, without giving it back?

        Then what the lock protects may be half done. The next holder is not told again.
        """
        return self._mine() == _ABANDONED

    @property
    def fence(self) -> int | None:
        """While this handle holds it on a server: a number that is larger each time that the lock is taken.

        Hand it to what the lock protects, which refuses a smaller one than it has seen: a holder that was cut off from
        the server, and whose lock another took, does no harm then. None: not held, or on one host, where nobody who
        lives is robbed.
        """
        return None

    @property
    def holder(self) -> Owner | None:
        """Who holds it, for people; None: nobody. ``alive`` is False of one that died and whom nobody has followed."""
        found = self._holder()
        if isinstance(found, int):
            self._fail(found)
        return owner_of(found)

    # -- life

    def close(self) -> None:
        """Give back what this handle holds; a lock that is held is free then, and abandoned (ResourceWarning).

        Later calls, and those that it finds blocked, get ValueError. May be called twice, and from any thread.
        """
        held = self._mine()
        super().close()
        if held:
            _warn(self)

    def __del__(self) -> None:
        if self._mine():
            _warn(self)

    # -- what it tells

    def stats(self) -> LockStats:
        """What this lock is at this instant: for debugging, and for tests that must know that somebody waits."""
        from tocsin._stats import LockStats

        found, holder = self._found(), self.holder
        is_locked = holder is not None and holder.alive
        return LockStats(locked=is_locked, holder=holder, held_here=self._mine() > 0, **self._common(found))

    def _state(self, _: dict[str, Any]) -> list[str]:
        holder = self.holder
        if self._mine():
            return ["held by this handle"]
        if holder is None:
            return ["free"]
        return [f"held by {holder}" if holder.alive else f"left behind by {holder}"]

    def _join(self, memory: int, pipe: int) -> int:
        return self._attach(memory, pipe, command_line(None))

    # -- what the binding asks back

    def _current_task(self) -> object:
        return current_task()

    def _fail_recursion(self) -> NoReturn:
        msg = f"{self._title()} is held by this very thread or task: it is not recursive, and would wait for itself"
        raise RuntimeError(msg)

    def _fail_release(self, reason: int) -> NoReturn:
        if reason == -errno.EPERM:
            raise RuntimeError(
                f"{self._title()} is not held by this handle: acquire it first"
            )
        if reason == -errno.ENOLCK:
            msg = f"{self._title()} was taken by another: somebody deleted .tocsin.owners, and this process looked dead"
            raise RuntimeError(msg)
        self._fail(reason)


_ABANDONED = 2  # of `_mine`


def _warn(lock: Lock) -> None:
    what = f"{lock._title()} is closed while it is held: release it first. Its next holder is told (abandoned)"
    warnings.warn(what, ResourceWarning, stacklevel=3, source=lock)
