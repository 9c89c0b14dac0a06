"""Signal: a moment that everyone who listens hears, and counts."""

from __future__ import annotations

from tocsin import _core
from tocsin._cursor import Cursor
from tocsin._errors import WaitCancelled
from tocsin._object import class_at

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from tocsin._object import Path
    from tocsin._stats import SignalStats


class Signal(_core.Signal, Cursor[int]):
    """An auto-reset event for many listeners: each handle hears every signal, once.

    ``Signal("tick")`` in any process of this user is the same signal. A handle listens from the moment it is opened:
    what comes while nobody waits on it is kept as a count, and the next `wait` returns that count at once.

    The races it removes: an auto-reset event (and a semaphore, and ``set(); clear()``) lets one waiter take what
    another was to hear, and a condition's ``notify`` is lost on whoever is not waiting yet. Here each handle has a
    cursor of its own, so nobody takes anything from anybody, and nothing depends on who comes first. Who signals
    waits for nobody, and whoever is killed at any instant leaves nothing behind. Two threads on one handle share its
    cursor; give each a handle to let both hear all.

    The standard library has no namesake. For a state that lasts use `Event`, for a value `DataEvent`, for work that
    one of many is to do `Queue`.

    Args:
        name: as for `Event`. None: anonymous.
        at: the place: "user", "system", or a directory. None: ``TOCSIN_AT``, else "user".
        mode: permission bits of the file; 0o600 when it is made and none is given.
        create: False: FileNotFoundError when there is none.
        replay: True: if it was ever signalled, one signal is pending from the start. False: signals are moments, and
            a listener hears what comes after it began to listen.

    Raises:
        ValueError: a bad name, place or mode. PermissionError, FileNotFoundError, OSError: as the file system says.
        WrongKind, ConfigMismatch, ObjectDamaged, FormatMismatch: what the file is.
    """

    _class = "Signal"
    _kind = "signal"
    _carried = ("replay",)
    _replay: bool = False

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
        replay: bool = False,
    ) -> None:
        self._replay = bool(replay)
        self._start(name, at, mode, self._replay, create=create)

    # -- signal count wait are the binding's own methods, for their speed

    async def signal_async(self) -> int:
        """`signal`, which never blocks on one host; the twin is for programs whose place is another host."""
        return self.signal()

    async def wait_async(self, timeout: float | None = None) -> int:
        """`wait`, on asyncio, uvloop and trio. Safe to cancel: a task that is cancelled takes no signal along."""
        try:
            return await self._hear_async(_core.deadline(timeout))
        except WaitCancelled:
            return 0

    async def _hear_async(self, until: int) -> int:
        while True:
            ticket = self._ticket()
            heard = self._look()
            if heard or until == 0:
                return heard
            from tocsin._aio import wait_change

            if not await wait_change(self, 0, ticket, until):
                return 0

    def _step(self) -> int:
        return self._hear()

    async def _step_async(self) -> int:
        return await self._hear_async(-1)

    # -- what it tells

    def stats(self) -> SignalStats:
        """What this signal is at this instant: for debugging, and for tests that must know that somebody waits."""
        from tocsin._stats import SignalStats

        found = self._found()
        return SignalStats(count=found["word"] >> 8, **self._common(found))

    def _state(self, found: dict[str, Any]) -> list[str]:
        return [f"count {found['word'] >> 8}"]

    def _join(self, memory: int, pipe: int) -> int:
        return self._attach(memory, pipe, self._replay)
