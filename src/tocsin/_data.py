"""DataEvent: the latest value, for everyone who wants to know it and whenever it changes."""

from __future__ import annotations

import errno

from tocsin import _core
from tocsin._codec import codec_for
from tocsin._cursor import Cursor, T
from tocsin._errors import VersionConflict
from tocsin._object import class_at
from tocsin._wait import warn_if_loop_is_running

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final, TypeVar, overload

    from tocsin._codec import Codec
    from tocsin._object import Path
    from tocsin._stats import DataEventStats

    D = TypeVar("D")
else:
    from tocsin._brackets import overload

    Any = None  # the same for `type=`

_NO_DEFAULT: Final = object()
#: How long a turn for the writers' lock may hold up a loop, in ns. Longer than it takes to find a dead holder out.
_TURN_NS = 50_000_000
#: and how long the loop then goes about its other business, in s
_PAUSE_S = 0.05


class DataEvent(_core.DataEvent, Cursor[T]):
    """A JSON value with a version: who signals replaces it, who waits gets each new one, as far as it keeps up.

    ``DataEvent("config", type=Config)`` in any process of this user is the same value. Each handle has a cursor: `wait`
    gives the latest value if this handle has not had it yet, else it waits for the next. A slow reader misses what
    was replaced meanwhile, never the latest.

    The races it removes: a reader never sees half a value, also when the writer is killed in the middle of it; a
    change between a look and a wait is not missed; with ``if_version`` nobody overwrites what he has not seen. Readers
    hold up nobody. Writers take turns, and one that dies in its turn holds the next up for 20 ms.

    The standard library has no namesake; a variable with a ``threading.Condition`` comes near it, in one process. For
    values of which none may be missed use `Queue`.

    Args:
        name: as for `Event`. None: anonymous.
        type: what the values are, in terms of msgspec (a Struct, dataclass, TypedDict, ``dict[str, int]`` ...); checked
            when a value is signalled and when it is read. Any: whatever JSON brings back equal.
        at: the place: "user", "system", or a directory. None: ``TOCSIN_AT``, else "user".
        mode: permission bits of the file; 0o600 when it is made and none is given.
        create: False: FileNotFoundError when there is none.
        replay: True: a value is a state, so a new handle's first `wait` gives the one that is there. False: the first
            one that comes after the handle was opened.

    Raises:
        ValueError: a bad name, place or mode. TypeError: a type that msgspec doesn't know. PermissionError,
        FileNotFoundError, OSError: as the file system says. WrongKind, ConfigMismatch, ObjectDamaged, FormatMismatch:
        what the file is.
    """

    _class = "DataEvent"
    _kind = "data"
    _carried = ("type", "replay")
    _type: Any = Any
    _replay: bool = True

    if not TYPE_CHECKING:

        def _made(cls, *args: Any, **more: Any) -> Any:  # noqa: N805 - see below
            return super().__new__(class_at(cls, args[0] if args else more.get("name"), more.get("at")))

        __new__ = _made.__call__  # a slot's wrapper, so that what people see as the signature is that of __init__

    @overload
    def __init__(
        self: DataEvent[Any],
        name: Path | None = None,
        *,
        at: Path | None = None,
        mode: int | None = None,
        create: bool = True,
        replay: bool = True,
    ) -> None: ...
    @overload
    def __init__(
        self,
        name: Path | None = None,
        *,
        type: type[T],
        at: Path | None = None,
        mode: int | None = None,
        create: bool = True,
        replay: bool = True,
    ) -> None: ...
    @overload
    def __init__(
        self: DataEvent[Any],
        name: Path | None = None,
        *,
        type: Any,
        at: Path | None = None,
        mode: int | None = None,
        create: bool = True,
        replay: bool = True,
    ) -> None: ...
    def __init__(  # noqa: PLR0913 - by name, all of them
        self,
        name: Path | None = None,
        *,
        type: Any = Any,  # noqa: A002 - the contract's name
        at: Path | None = None,
        mode: int | None = None,
        create: bool = True,
        replay: bool = True,
    ) -> None:
        self._type = type
        self._replay = bool(replay)
        self._codec = self._coder()  # before anything is made, so it has no name to tell yet
        self._start(name, at, mode, self._replay, create=create)
        self._codec.what = self._title()

    def _coder(self) -> Codec:
        return codec_for(self._type, self._title())

    # -- writing

    def signal(self, data: T, *, if_version: int | None = None) -> int:
        """Make `data` the value, and wake everyone who waits for one. Its version, 1 for the first ever.

        With `if_version=n` only if version n is still the present one (0: there is none yet).

        Raises:
            VersionConflict: it is not, and nothing was changed. InvalidMessage: not of the type, or not JSON that
            comes back equal. MessageTooLarge: over 64 MiB. OSError: no space left, for one. In each case the value is
            what it was.
        """
        return self._written(self._signal(self._codec.encode(data), expected(if_version), -1), if_version)

    async def signal_async(self, data: T, *, if_version: int | None = None) -> int:
        """`signal`, on asyncio, uvloop and trio: where a stopped process has the writers' turn, the loop goes on."""
        raw, version = self._codec.encode(data), expected(if_version)
        while True:
            done = self._signal(raw, version, _core.now() + _TURN_NS)
            if done != -errno.ETIMEDOUT:
                return self._written(done, if_version)
            from tocsin._aio import pause

            await pause(_PAUSE_S)

    def _written(self, done: int, if_version: int | None) -> int:
        if done == -errno.ESTALE:
            raise self._conflict(self.version, if_version)
        if done < 0:
            self._fail(done)
        return done

    def _conflict(self, version: int, if_version: int | None) -> VersionConflict:
        found = f"{self._title()} is at version {version}, not {if_version}"
        return VersionConflict(f"{found}: read it again, then decide")

    # -- reading

    def wait(self, timeout: float | None = None) -> T:
        """The value, as soon as there is one that this handle has not had. TimeoutError after `timeout` seconds.

        None and inf wait for ever; 0 looks once; negative is a ValueError, as in `queue`. Costs no processor while it
        waits. Ctrl-C and handlers run at once.

        Raises:
            WaitCancelled: `cancel` was called. InvalidMessage: somebody signalled what isn't of this handle's type;
            the next wait gives the next value.
        """
        return self._taken(self._wait(timeout, "wait_async"), timeout)

    async def wait_async(self, timeout: float | None = None) -> T:
        """`wait`, on asyncio, uvloop and trio. Safe to cancel: a task that is cancelled takes no value along."""
        return self._taken(await self._look_async(_core.data_deadline(timeout)), timeout)

    async def _look_async(self, until: int) -> bytes | int:
        while True:
            ticket = self._ticket()
            found = self._look()
            if found != 0 or until == 0:
                return found
            from tocsin._aio import wait_change

            if not await wait_change(self, 0, ticket, until):
                return 0

    def _taken(self, found: bytes | int, timeout: float | None) -> T:
        if isinstance(found, int):
            if found == 0:
                raise TimeoutError(f"no new value of {self!r} within {timeout} s")
            self._fail(found)
        return self._decode(found)

    def _decode(self, raw: bytes) -> T:
        value: T = self._codec.decode(raw)
        return value

    def _step(self) -> T:
        return self._taken(self._wait(None, "async for"), None)

    async def _step_async(self) -> T:
        return self._taken(await self._look_async(-1), None)

    @overload
    def latest(self) -> T: ...
    @overload
    def latest(self, default: D) -> T | D: ...
    def latest(self, default: Any = _NO_DEFAULT) -> Any:
        """The present value, whether this handle has had it or not; its cursor stays. Never waits.

        `default` if nothing was ever signalled; without one, LookupError.
        """
        found = self._latest()
        if not isinstance(found, int):
            return self._decode(found)
        if found != -errno.ENODATA:
            self._fail(found)
        if default is _NO_DEFAULT:
            raise LookupError(f"{self!r} has no value yet: wait for one, or give a default")
        return default

    # -- what it tells

    def stats(self) -> DataEventStats:
        """What this data event is at this instant: for debugging, and for tests that must know that somebody waits."""
        from tocsin._stats import DataEventStats

        return DataEventStats(version=self.version, **self._common(self._found()))

    def _state(self, _: dict[str, Any]) -> list[str]:
        return [f"version {self.version}"]

    def _join(self, memory: int, pipe: int) -> int:
        self._codec = self._coder()
        return self._attach(memory, pipe, self._replay)

    def _before_blocking(self, twin: str) -> None:
        warn_if_loop_is_running(twin, frames=1)


def expected(if_version: int | None) -> int:
    """`if_version` as the core takes it."""
    if if_version is None:
        return -1
    number = _core.since(if_version)
    return min(number, (1 << 63) - 1)
