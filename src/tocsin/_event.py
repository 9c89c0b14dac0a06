"""Event: a latched flag that everyone who can name it can set, clear and wait for."""

from __future__ import annotations

import errno
from _operator import gt

from tocsin import _core
from tocsin._object import Handle, class_at

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from tocsin._object import Path
    from tocsin._owner import Owner
    from tocsin._stats import EventStats


class Event(_core.Event, Handle):
    """A latched flag with ``threading.Event``'s API, for threads, event loops, processes and shells.

    ``Event("ready")`` in any process of this user is the same event, and so is ``evt_set ready`` in a shell.

    The races it removes: ``set(); clear()`` releases everyone who was waiting when it was set, because a wait
    looks for a change of the ``generation``, not only for the flag (``threading.Event.wait`` returns False, and
    a semaphore wakes some). A setter waits for nobody, and a waiter or setter that is killed at any instant
    leaves nothing behind (``multiprocessing.Event.set`` hangs after a waiter was killed). It may be set from a
    signal handler, also one that interrupts a wait on it.

    Unlike ``threading.Event`` it has a name, a ``fileno`` for select and loops, ``wait_clear``, async twins, and
    it must be reached through the file system, so every call may raise OSError.

    Args:
        name: 1 to 200 characters of ``A-Z a-z 0-9 . _ - /`` ("/" makes folders), or a path that begins with
            "/" or "./", which is that file. None: anonymous, for the threads and loops of this process, its
            forked children, and the children that ``multiprocessing`` starts.
        at: the place: "user", "system", or a directory. None: ``TOCSIN_AT``, else "user".
        mode: permission bits of the file, as ``os.chmod`` takes them; 0o600 when it is made and none is given.
            Who may write an event can crash those who use it: give more than 0o600 to those whom you trust.
        create: False: FileNotFoundError when there is none, so that looking never makes anything.
        spin: seconds that a wait spins on the processor before it sleeps. Worth 20e-6 or so where the answer
            comes within microseconds and a processor is free for it; on a shared one it costs a time slice.

    Raises:
        ValueError: a bad name, place, mode or spin. PermissionError, FileNotFoundError, OSError: as the
            file system says. WrongKind, ConfigMismatch, ObjectDamaged, FormatMismatch: what the file is.
    """

    _class = "Event"
    _kind = "event"
    _carried = ("spin",)
    _passed = staticmethod(gt)  # the generation that one waits for may be far ahead
    _spin: float = 0.0

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
        spin: float = 0.0,
    ) -> None:
        if not 0 <= spin <= 1:
            raise ValueError(f"bad spin {spin!r}: give seconds, 0 to 1")
        self._spin = spin
        self._start(name, at, mode, int(spin * 1e9), create=create)

    # -- the flag: set clear is_set generation wait wait_clear are the binding's own methods, for their speed

    # threading.Event's old name, kept for programs that move over
    if TYPE_CHECKING:

        def isSet(self) -> bool: ...  # noqa: N802
    else:
        isSet = _core.Event.is_set  # noqa: N815

    async def wait_async(self, timeout: float | None = None, *, since: int | None = None) -> bool:
        """`wait`, on asyncio, uvloop and trio. Safe to cancel; no thread is used, and none is left behind.

        Thousands of tasks may wait on one event: they share one descriptor per loop.
        """
        until = _core.deadline(timeout)
        after = self._clears() if since is None else _core.since(since)
        if super().wait(0, since=after):  # asks for the same permission as a wait that sleeps
            return True
        from tocsin._aio import wait_change

        return await wait_change(self, 0, after, until)

    async def wait_clear_async(self, timeout: float | None = None) -> bool:
        """`wait_clear`, on asyncio, uvloop and trio. Safe to cancel."""
        until = _core.deadline(timeout)
        after = self._clears()
        if super().wait_clear(0):
            return True
        from tocsin._aio import wait_change

        return await wait_change(self, 1, after, until)

    async def set_async(self) -> None:
        """`set`, which never blocks on one host; the twin is for programs whose place is another host."""
        self.set()

    async def clear_async(self) -> None:
        """`clear`; see `set_async`."""
        self.clear()

    # -- ownership: a promise to set it, which the kernel watches over

    def own(self, *, command: str | None = None) -> None:
        """Promise, as this process, to set the event: if it dies before, everyone who waits gets `OwnerDied`.

        However it dies: SIGKILL, a crash, an exit without `set`, `execve`; also by closing this handle, or dropping it.
        Those who wait are told at once, by the kernel, on every kind of wait, and so are those who come later, until
        somebody sets, clears or owns the event. While the owner lives the event is as usual, and anybody may set it.
        `set`, by whomever, keeps the promise; `disown` takes it back. A forked child owns nothing, so its end changes
        nothing.

        threading and multiprocessing have nothing like it: a wait for a dead worker's event never ends.

        Args:
            command: what to call this process to people; None: its command line. 200 bytes of it are kept.

        Raises:
            RuntimeError: a living process owns it already (also this one), and the message names it; or the event is
                set, and there is nothing to promise.
        """
        from tocsin._owner import command_line

        reason = self._own(command_line(command))
        if reason < 0:
            self._fail(reason)

    def disown(self) -> None:
        """Take the promise back: the event is nobody's, and waits go on. Nothing happens if it isn't this handle's."""
        reason = self._disown()
        if reason < 0:
            self._fail(reason)

    @property
    def owner(self) -> Owner | None:
        """Who owns it, or did when he died; None: nobody, or it was set since."""
        from tocsin._owner import owner_of

        found = self._owner()
        if isinstance(found, int):
            self._fail(found)
        return owner_of(found)

    def _error(self, reason: int) -> Exception:
        if reason not in (-errno.EOWNERDEAD, -errno.EBUSY, -errno.EALREADY):
            return super()._error(reason)
        from tocsin._errors import owner_error
        from tocsin._owner import owner_of

        return owner_error(reason, self._title(), owner_of(self._owner()))

    # -- what it tells

    def stats(self) -> EventStats:
        """What this event is at this instant: for debugging, and for tests that must know that somebody waits."""
        from tocsin._stats import EventStats

        found = self._found()
        return EventStats(
            is_set=found["is_set"],
            generation=found["generation"],
            sleepers=found["sleepers"],
            owner=self.owner,
            **self._common(found),
        )

    def _state(self, found: dict[str, Any]) -> list[str]:
        return ["set" if found["is_set"] else "clear", f"generation {found['generation']}"]

    def _join(self, memory: int, pipe: int) -> int:
        return self._attach(memory, pipe)
