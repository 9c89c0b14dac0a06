"""Event: a latched flag that everyone who can name it can set, clear and wait for."""

from __future__ import annotations

import os

from tocsin import _core
from tocsin._errors import error
from tocsin._place import effective, encode_at, encode_name
from tocsin._wait import warn_if_loop_is_running

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Any, NoReturn, Self

    from tocsin._stats import EventStats

    _Path = str | os.PathLike[str]


class Event(_core.Event):
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

    name: str | None = None
    at: str | None = None
    path: str | None = None
    _mode: int | None = None
    _spin: float = 0.0
    _bell: int = -1  # the descriptor by which hubs know this handle; -1: no task ever waited on it

    def __init__(
        self,
        name: _Path | None = None,
        *,
        at: _Path | None = None,
        mode: int | None = None,
        create: bool = True,
        spin: float = 0.0,
    ) -> None:
        if mode is not None and (isinstance(mode, bool) or not isinstance(mode, int) or mode < 0):
            raise ValueError(f"bad mode {mode!r}: give permission bits, 0o600 to 0o777")
        if not 0 <= spin <= 1:
            raise ValueError(f"bad spin {spin!r}: give seconds, 0 to 1")
        self._spin = spin
        self._mode = mode
        raw = None if name is None else encode_name(name)
        place = None if name is None else encode_at(at)
        if name is not None:
            self.name = os.fspath(name)
            self.at = effective(at)
        reason = self._open(raw, place, -1 if mode is None else min(mode, 0o1000), create, int(spin * 1e9))
        if reason < 0:
            path = None if raw is None else _core.path(place, raw)
            raise error(reason, self.name, self.at, os.fsdecode(path) if isinstance(path, bytes) else None)
        found = self._path()
        self.path = None if found is None else os.fsdecode(found)

    # -- the flag: set clear is_set generation wait wait_clear are the binding's own methods, for their speed

    isSet = _core.Event.is_set  # noqa: N815 - threading.Event's old name, kept for programs that move over

    async def wait_async(self, timeout: float | None = None, *, since: int | None = None) -> bool:
        """`wait`, on asyncio, uvloop and trio. Safe to cancel; no thread is used, and none is left behind.

        Thousands of tasks may wait on one event: they share one descriptor per loop.
        """
        until = _core.deadline(timeout)
        after = self._clears() if since is None else _core.since(since)
        if super().wait(0, since=after):  # asks for the same permission as a wait that sleeps
            return True
        from tocsin._aio import wait

        return await wait(self, after, until, for_clear=False)

    async def wait_clear_async(self, timeout: float | None = None) -> bool:
        """`wait_clear`, on asyncio, uvloop and trio. Safe to cancel."""
        until = _core.deadline(timeout)
        after = self._clears()
        if super().wait_clear(0):
            return True
        from tocsin._aio import wait

        return await wait(self, after, until, for_clear=True)

    async def set_async(self) -> None:
        """`set`, which never blocks on one host; the twin is for programs whose place is another host."""
        self.set()

    async def clear_async(self) -> None:
        """`clear`; see `set_async`."""
        self.clear()

    # -- life

    def close(self) -> None:
        """Give back what this handle holds. Later calls, and those that it finds blocked, get ValueError.

        The event itself stays, for everyone else. May be called twice, and from any thread.
        """
        self._close()
        if self._bell >= 0:
            from tocsin._hub import closed

            closed(self)

    def unlink(self) -> None:
        """Remove the event: everyone who waits gets ObjectRemoved, here and elsewhere; then the name goes."""
        reason = self._unlink()
        if reason < 0:
            self._fail(reason)

    def stats(self) -> EventStats:
        """What this event is at this instant: for debugging, and for tests that must know that somebody waits."""
        from tocsin._stats import EventStats

        found = self._stat()
        if isinstance(found, int):
            self._fail(found)
        tasks = 0
        if self._bell >= 0:
            from tocsin._hub import awaiting

            tasks = awaiting(self)
        return EventStats(
            name=self.name,
            at=self.at,
            path=self.path,
            kind="event",
            is_set=found["is_set"],
            generation=found["generation"],
            sleepers=found["sleepers"],
            listeners=found["listeners"],
            waiting_here=found["waiting_here"] + tasks,
            removed=found["removed"],
            writable=found["writable"],
            mode=found["mode"],
            id=found["id"],
            created=found["created_ns"] / 1e9,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __reduce__(self) -> tuple[Any, ...]:
        if self.name is None:
            return _rebuild_anonymous, (type(self), *_pass_on(self), self._spin)
        name, place, path = self.name, self.at, self.path or ""
        if name.startswith(("/", "./")):  # a path means the same file in a receiver that works elsewhere
            name = path
        elif place not in ("user", "system"):
            place = path[: -len(name) - 1]
        return _rebuild, (type(self), name, place, self._mode, self._spin)

    def __repr__(self) -> str:
        what = "anonymous" if self.name is None else f"{self.name!r} at {self.at!r}"
        try:
            found = self._stat()
        except ValueError:
            return "<tocsin.Event that was never opened>"
        if isinstance(found, int):
            return f"<tocsin.Event {what}: closed>"
        state = "removed" if found["removed"] else "set" if found["is_set"] else "clear"
        return f"<tocsin.Event {what}: {state}, generation {found['generation']}>"

    # -- what the binding asks back

    def _fail(self, reason: int) -> NoReturn:
        raise error(reason, self.name, self.at, self.path)

    def _before_blocking(self, twin: str) -> None:
        warn_if_loop_is_running(twin)


def _rebuild(cls: type[Event], name: str, at: str, mode: int | None, spin: float) -> Event:
    return cls(name, at=at, mode=mode, spin=spin)


def _pass_on(event: Event) -> tuple[Any, Any]:
    """The two descriptors of an anonymous event, wrapped so that the child of `multiprocessing` gets them."""
    from multiprocessing import context, reduction

    if context.get_spawning_popen() is None:
        msg = "an anonymous event can only be handed to a child that multiprocessing is starting: give it a name"
        raise TypeError(msg)
    memory, pipe = event._descriptors()
    return reduction.DupFd(memory), reduction.DupFd(pipe)


def _rebuild_anonymous(cls: type[Event], memory: Any, pipe: Any, spin: float) -> Event:
    # Copies: one event may come along twice, and each handle closes what is its own.
    copies = []
    for passed in (memory, pipe):
        number = passed.detach()
        os.set_inheritable(number, False)
        copies.append(os.dup(number))
    event = cls.__new__(cls)
    event._spin = spin
    reason = event._attach(*copies)
    if reason < 0:
        raise error(reason, None, None, None)
    return event
