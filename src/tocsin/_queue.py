"""Queue: items from many producers to many consumers, each to one of them, in any process."""

from __future__ import annotations

import errno

from tocsin import _core, _errors
from tocsin._codec import codec_for, codec_name, is_untyped
from tocsin._cursor import T
from tocsin._delivery import Receiver
from tocsin._errors import ConfigMismatch, ObjectDamaged, WaitCancelled
from tocsin._object import class_at
from tocsin._wait import warn_if_loop_is_running

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, Literal, NoReturn, overload

    from tocsin._codec import Codec
    from tocsin._object import Path
    from tocsin._stats import QueueStats
else:
    from tocsin._brackets import overload

    Any = None  # the same for `type=`

_CODECS = {None: -1, "json": 1, "raw": 2}


class Queue(Receiver[T]):
    """First in, first out, each item to one taker: ``queue.Queue``'s API between processes that share nothing else.

    ``Queue("jobs")`` in any process of this user is the same queue, and so is ``tocsin put jobs`` in a shell. Items
    are JSON values, or those of `type`.

    The races it removes: an item is in or not, whenever its producer is killed, and nobody hangs on a process that
    died in the middle of a put or get (``multiprocessing.Queue`` does, in both cases). There is no feeder thread: when
    `put` returns, the item is in the queue, and survives everything but a power cut (``durable`` also that). A `get`
    that is cancelled in a loop takes no item along. `receive` gives an item that comes back by itself when its
    process dies before it is acked. A worker that dies is subtracted from what `join` waits for.

    Unlike ``queue.Queue`` it has a name, a ``fileno`` for select and loops, async twins, ``put_many`` and
    ``get_many``, and it must be reached through the file system, so every call may raise OSError. Without `maxsize`
    and `max_bytes` it grows until the disk is full (OSError, and nothing is harmed).

    Args:
        name: as for `Event`. None: anonymous.
        type: what the items are, in terms of msgspec (a Struct, dataclass, TypedDict, ``dict[str, int]`` ...); checked
            by `put`, and again by `get`. Any or None: whatever comes back equal from JSON.
        maxsize: items that may be in the queue; `put` blocks when it is full. 0: no limit.
        max_bytes: bytes of items that may be in the queue, likewise.
        max_deliveries: how often `receive` hands an item out before it goes to the dead letters; 5. 0: no limit.
        durable: for a queue on a disk: what `put` returned for survives a power cut as well.
        codec: "json", or "raw" for items that are bytes.
        at: the place: "user", "system", or a directory. None: ``TOCSIN_AT``, else "user".
        mode: permission bits of the file; 0o600 when it is made and none is given.
        create: False: FileNotFoundError when there is none.

    What is None is taken as it is. The first to open the queue fixes maxsize, max_bytes, max_deliveries, durable,
    codec and mode.

    Raises:
        ConfigMismatch: one of these was given and differs. ValueError: a bad name, place, mode or number. TypeError: a
        type that msgspec doesn't know. PermissionError, FileNotFoundError, OSError: as the file system says.
        WrongKind, ObjectDamaged, FormatMismatch: what the file is.
    """

    _class = "Queue"
    _kind = "queue"
    _carried = ("type",)
    _type: Any = Any

    if not TYPE_CHECKING:

        def _made(cls, *args: Any, **more: Any) -> Any:  # noqa: N805 - see below
            return super().__new__(class_at(cls, args[0] if args else more.get("name"), more.get("at")))

        __new__ = _made.__call__  # a slot's wrapper, so that what people see as the signature is that of __init__

    @overload
    def __init__(
        self: Queue[Any],
        name: Path | None = None,
        *,
        maxsize: int | None = None,
        max_bytes: int | None = None,
        max_deliveries: int | None = None,
        durable: bool | None = None,
        codec: Literal["json"] | None = None,
        at: Path | None = None,
        mode: int | None = None,
        create: bool = True,
    ) -> None: ...
    @overload
    def __init__(
        self: Queue[bytes],
        name: Path | None = None,
        *,
        codec: Literal["raw"],
        maxsize: int | None = None,
        max_bytes: int | None = None,
        max_deliveries: int | None = None,
        durable: bool | None = None,
        at: Path | None = None,
        mode: int | None = None,
        create: bool = True,
    ) -> None: ...
    @overload
    def __init__(
        self,
        name: Path | None = None,
        *,
        type: type[T],
        maxsize: int | None = None,
        max_bytes: int | None = None,
        max_deliveries: int | None = None,
        durable: bool | None = None,
        codec: Literal["json", "raw"] | None = None,
        at: Path | None = None,
        mode: int | None = None,
        create: bool = True,
    ) -> None: ...
    @overload
    def __init__(
        self: Queue[Any],
        name: Path | None = None,
        *,
        type: Any,
        maxsize: int | None = None,
        max_bytes: int | None = None,
        max_deliveries: int | None = None,
        durable: bool | None = None,
        codec: Literal["json", "raw"] | None = None,
        at: Path | None = None,
        mode: int | None = None,
        create: bool = True,
    ) -> None: ...
    def __init__(  # noqa: PLR0913
        self,
        name: Path | None = None,
        *,
        type: Any = Any,  # noqa: A002 - the contract's name
        maxsize: int | None = None,
        max_bytes: int | None = None,
        max_deliveries: int | None = None,
        durable: bool | None = None,
        codec: str | None = None,
        at: Path | None = None,
        mode: int | None = None,
        create: bool = True,
    ) -> None:
        if isinstance(name, int):
            msg = f"Queue's first argument is its name, not its size: Queue(maxsize={name})"
            raise TypeError(msg)
        self._type = type
        options = (
            _number("maxsize", maxsize, 1 << 62),
            _number("max_bytes", max_bytes, 1 << 62),
            _number("max_deliveries", max_deliveries, 65_000),
            _CODECS[codec_name(codec)],
            -1 if durable is None else int(bool(durable)),
        )
        try:
            self._start(name, at, mode, *options, create=create)
        except ConfigMismatch as error:
            _say_what_differs(error, name, at, options)
            raise
        if not is_untyped(type):
            self._find_codec()

    def _find_codec(self) -> None:
        """Made on first need, because it loads msgspec; a type that is none is told at once."""
        found = self._figures()
        self._codec = self._coder("raw" if found["codec"] == _CODECS["raw"] else "json")
        self._limit = found["max_deliveries"]
        self._use(self._codec)

    def _coder(self, codec: str) -> Codec:
        return codec_for(self._type, self._title(), codec)

    @property
    def _ends(self) -> tuple[type[Exception], ...]:
        return (_errors.ShutDown, WaitCancelled)

    # -- put get put_nowait get_nowait put_many get_many qsize empty join task_done shutdown purge are the binding's own
    #    methods, for their speed

    async def put_async(self, item: T, block: bool = True, timeout: float | None = None) -> None:  # noqa: FBT001, FBT002
        """`put`, on asyncio, uvloop and trio. Safe to cancel: then the item isn't in."""
        data = self._encode(item)
        until = _until(block, timeout)
        while True:
            ticket = self._ticket()
            try:
                return self._put_bytes(data, 0)
            except _errors.Full:
                if not await self._changed(1, ticket, until):
                    raise

    async def put_many_async(self, items: Iterable[T], block: bool = True, timeout: float | None = None) -> int:  # noqa: FBT001, FBT002
        """`put_many`, on asyncio, uvloop and trio. Cancelled in the middle, those are in that had room."""
        data = self._encode_all(items)
        until, done = _until(block, timeout), 0
        while done < len(data):
            ticket = self._ticket()
            try:
                done += await self._put_some(data[done:], until)
            except _errors.Full:
                if not await self._changed(1, ticket, until):
                    if done:
                        break
                    raise
            except (_errors.ShutDown, OSError):
                if done:
                    break
                raise
        return done

    def _encode_all(self, items: Iterable[T]) -> list[bytes]:
        """All of them before anything is in."""
        return [self._encode(item) for item in items]

    async def _put_some(self, data: list[bytes], until: int) -> int:  # noqa: ARG002 - a server takes until then
        """As many as there is room for now. Full."""
        return self._put_bytes_many(data, 0)

    async def get_async(self, block: bool = True, timeout: float | None = None) -> T:  # noqa: FBT001, FBT002
        """`get`, on asyncio, uvloop and trio. Safe to cancel: a task that is cancelled takes no item along."""
        until = _until(block, timeout)
        while True:
            ticket = self._ticket()
            try:
                return self.get(block=False)  # nothing is awaited between the taking and the return
            except _errors.Empty:
                if not await self._changed(0, ticket, until):
                    raise

    async def get_many_async(self, max_items: int, block: bool = True, timeout: float | None = None) -> list[T]:  # noqa: FBT001, FBT002
        """`get_many`, on asyncio, uvloop and trio. Safe to cancel, as `get_async`."""
        until = _until(block, timeout)
        while True:
            ticket = self._ticket()
            try:
                return self.get_many(max_items, block=False)
            except _errors.Empty:
                if not await self._changed(0, ticket, until):
                    raise

    async def join_async(self, timeout: float | None = None) -> bool:
        """`join`, on asyncio, uvloop and trio. Safe to cancel."""
        until = _core.deadline(timeout)
        while True:
            ticket = self._ticket()
            if super().join(0):
                return True
            if not await self._changed(1, ticket, until, for_the_end=True):
                return False

    def _step(self) -> T:
        return self.get()

    async def _step_async(self) -> T:
        return await self.get_async()

    # -- looking

    def peek(self) -> T:
        """The item that a `get` would take now, left where it is; queue.Empty if there is none. Never waits.

        InvalidMessage when it can't be decoded.
        """
        data = self._peek()
        try:
            return self._decode(data)
        except Exception as error:
            assert self._codec is not None
            raise self._codec.unreadable(error) from error

    def full(self) -> bool:
        """Would `put_nowait` of a small item raise Full now?"""
        found = self._figures()
        inside = found["ready"] + found["delayed"]
        return bool(0 < found["maxsize"] <= inside or 0 < found["max_bytes"] <= found["bytes"])

    @property
    def is_shutdown(self) -> bool:
        """Was `shutdown` called, by anyone?"""
        return bool(self._figures()["shut"])

    @property
    def maxsize(self) -> int:
        """How many items may be in the queue; 0: no limit."""
        return int(self._figures()["maxsize"])

    @property
    def unfinished_tasks(self) -> int:
        """What `join` waits for: items in the queue, and taken by the living and not yet reported by `task_done`."""
        return int(self._figures()["unfinished"])

    def stats(self) -> QueueStats:
        """What this queue is at this instant: for debugging, and for tests that must know that somebody waits."""
        from tocsin._stats import QueueStats

        figures = self._figures()
        codec = "raw" if figures.pop("codec") == _CODECS["raw"] else "json"
        is_shutdown = bool(figures.pop("shut"))
        return QueueStats(**self._common(self._found()), **figures, codec=codec, is_shutdown=is_shutdown)

    def _state(self, _: dict[str, Any]) -> list[str]:
        found = self._figures()
        more = [f"{found[what]} {what}" for what in ("delayed", "held") if found[what]]
        return ["shut down" if found["shut"] else "open", f"{found['ready']} ready", *more]

    # -- what the base and the binding ask back

    def _join(self, memory: int, pipe: int) -> int:
        return self._attach(memory, pipe)

    def _refuse(self, why: object) -> NoReturn:
        assert self._codec is not None
        if isinstance(why, str) and why.endswith(" is a bytes, which would not come back from JSON"):
            why += ": for items that are bytes make the queue with codec='raw'"
        raise self._codec.refused(why) from (why if isinstance(why, Exception) else None)

    def _error(self, reason: int) -> Exception:
        if reason in (-errno.EAGAIN, -errno.ETIMEDOUT):
            return _errors.Full(f"{self._title()} is full")
        if reason == -errno.EPIPE:
            return _errors.ShutDown(f"{self._title()} was shut down")
        if reason == -errno.ERANGE:
            mend = "leave it out after receive(), whose ack is one"
            return ValueError(f"task_done() called too many times: {self._title()} waits for none: {mend}")
        return super()._error(reason)

    def _fail_take(self, reason: int, count: int) -> NoReturn:
        if reason in (-errno.EAGAIN, -errno.ETIMEDOUT):
            raise _errors.Empty(f"{self._title()} is empty")
        if reason == -errno.EBADMSG:
            raise ObjectDamaged(
                f"{self._title()} ({self.path}) is damaged: {max(count, 1)} of its items could not be read and were "
                "passed over; the others follow"
            )
        self._fail(reason)

    def _before_blocking(self, twin: str) -> None:
        warn_if_loop_is_running(twin)


def _number(what: str, given: int | None, most: int) -> int:
    """A number as the core takes it; -1: as it is."""
    if given is None:
        return -1
    if isinstance(given, bool) or not isinstance(given, int):
        msg = f"{what} must be an int, not {type(given).__name__}"
        raise TypeError(msg)
    if not 0 <= given <= most:
        raise ValueError(f"bad {what} {given!r}: give 0 (no limit) to {most}, or None to take it as it is")
    return given


def _until(block: bool, timeout: float | None) -> int:  # noqa: FBT001 - queue.Queue's pair
    if not block:
        return 0
    return _core.data_deadline(timeout)


def _say_what_differs(error: ConfigMismatch, name: Path | None, at: Path | None, options: tuple[int, ...]) -> None:
    """A note on the exception: what the queue was made with."""
    try:
        with Queue(name, at=at, create=False) as found:
            figures = found._figures()
    except Exception:  # noqa: BLE001 - the note is a courtesy
        return
    for what, wanted in zip(("maxsize", "max_bytes", "max_deliveries", "codec", "durable"), options, strict=True):
        if wanted not in (-1, figures[what]):
            error.add_note(f"it has {what}={_shown(what, figures[what])}, not {_shown(what, wanted)}")


def _shown(what: str, value: int) -> object:
    if what == "codec":
        return {1: "json", 2: "raw"}.get(value, value)
    return bool(value) if what == "durable" else value
