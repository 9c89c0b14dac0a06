"""Topic: the log behind a named bus. Bytes, numbers and cursors; `_bus` makes events of them."""

from __future__ import annotations

import errno

from tocsin import _core
from tocsin._cursor import Cursor
from tocsin._errors import Lagged, ObjectDamaged, WaitCancelled
from tocsin._object import class_at

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

    from tocsin._bus_event import Raw
    from tocsin._bus_lookout import Lookout
    from tocsin._object import Path
    from tocsin._redis.topic_mark import Mark
    from tocsin._stats import TopicStats

    Heard = tuple[int, bytes]

_LEAST = 32 << 10  # core/objects/topic.h, TOC_TOPIC_BYTES_MIN
_LOOK_NS = 100_000_000  # how often an emitter that waits looks who has died (core/objects/topic_emit.c)


class Topic(_core.Topic, Cursor["Heard"]):
    """What many emit and every listener hears: each emit once, all in one order, each from its own place on.

    An emit is there whole or not at all, whoever is killed, and waits for no listener unless it says so. What is
    emitted is retained until `max_bytes` are needed for newer ones; whoever has not read it by then gets `Lagged`
    with how many are lost, and goes on with the oldest that is left. Two threads on one handle share its cursor.

    Args:
        name, at, mode, create: as for `Event`.
        max_bytes: what is retained at the most; fixed when it is made (8 MiB then), 32 KiB at least. Of it, up to an
            eighth may be free for what comes.
        replay: None: this handle emits and does not listen (until `listen`). A number: it listens, from so many emits
            back, as far as they are retained.
    """

    _class = "Topic"
    _kind = "bus"
    _carried = ("max_bytes", "replay")
    _max_bytes: int | None = None
    _replay: int | None = None
    _fallen: int | None = None  # the number at which a server began anew that had forgotten some (a failover)

    if not TYPE_CHECKING:

        def _made(cls, *args: Any, **more: Any) -> Any:  # noqa: N805 - see below
            return super().__new__(class_at(cls, args[0] if args else more.get("name"), more.get("at")))

        __new__ = _made.__call__  # a slot's wrapper, so that what people see as the signature is that of __init__

    def __init__(  # noqa: PLR0913 - by name, all of them
        self,
        name: Path | None = None,
        *,
        at: Path | None = None,
        mode: int | None = None,
        create: bool = True,
        max_bytes: int | None = None,
        replay: int | None = None,
    ) -> None:
        if max_bytes is not None and max_bytes < _LEAST:
            raise ValueError(f"bad max_bytes {max_bytes!r}: a bus retains {_LEAST} bytes at least")
        _check_replay(replay)
        self._max_bytes = max_bytes
        self._start(name, at, mode, -1 if max_bytes is None else max_bytes, create=create)
        if replay is not None:
            self.listen(replay)

    def listen(self, replay: int = 0) -> None:
        """Hear what is emitted from now on, and of what is retained the last `replay`. Later calls change nothing."""
        _check_replay(replay)
        reason = self._subscribe(replay)
        if reason < 0:
            self._fail(reason)
        self._replay = replay  # for copies in other processes, which listen as well

    def _head_by(self, until: int) -> int:  # noqa: ARG002 - a server's
        """`head`, which is to be known by `until` (ns)."""
        return self.head

    # -- emit emit_many subscribers head cursor are the binding's own, for their speed

    async def emit_async(self, payload: bytes, *, wait: float | None = 0.0) -> int:
        """`emit`, on asyncio, uvloop and trio. A task that is cancelled while it waits has emitted nothing."""
        until = _core.deadline(wait)
        if until == 0:
            return self.emit(payload)
        while True:
            slowest = self._slowest()
            number = self._emit_now(payload)
            if number >= 0:
                return number
            now = _core.now()
            if 0 <= until <= now:
                self._fail_emit(number, 0)
            from tocsin._aio import wait_change

            await wait_change(self, 1, slowest, now + _LOOK_NS if until < 0 else min(until, now + _LOOK_NS))

    def _arm(self, side: int) -> int:
        """Those who wait for room are told by how far the slowest is: reading changes nothing that is counted."""
        ticket = super()._arm(side)
        return self._slowest() if side else ticket

    def read(self, timeout: float | None = None) -> Heard:
        """The next one that this handle has not heard: its number and its bytes. queue.Empty after `timeout` seconds.

        None and inf wait for ever. Costs no processor while it waits. Raises Lagged once for what was overwritten
        before it was read, ObjectDamaged once for what can't be read; the next read goes on behind it.
        """
        heard: Heard | None = self._read(_core.data_deadline(timeout))
        if heard is None:
            _nothing()
        return heard

    def read_many(self, limit: int, timeout: float | None = None) -> list[Heard]:
        """One or more, up to `limit` of them (and 64 KiB at once). As `read`."""
        _check_limit(limit)
        found: list[Heard] = self._read_many(limit, _core.data_deadline(timeout))
        if not found:
            _nothing()
        return found

    async def read_async(self, timeout: float | None = None) -> Heard:
        """`read`, on asyncio, uvloop and trio. Safe to cancel: a task that is cancelled has read nothing."""
        until = _core.data_deadline(timeout)
        while True:
            ticket = self._ticket()
            heard: Heard | None = self._read(0)
            if heard is not None:
                return heard
            if not await self._changes(ticket, until):
                _nothing()

    async def read_many_async(self, limit: int, timeout: float | None = None) -> list[Heard]:
        """`read_many`, as `read_async`."""
        _check_limit(limit)
        until = _core.data_deadline(timeout)
        while True:
            ticket = self._ticket()
            found: list[Heard] = self._read_many(limit, 0)
            if found:
                return found
            if not await self._changes(ticket, until):
                _nothing()

    async def _changes(self, ticket: int, until: int) -> bool:
        if until == 0:
            return False
        from tocsin._aio import wait_change

        return await wait_change(self, 0, ticket, until)

    def _step(self) -> Heard:
        return self.read()

    async def _step_async(self) -> Heard:
        return await self.read_async()

    # -- what it tells

    def stats(self) -> TopicStats:
        """What this topic is at this instant: for debugging, and for tests that must know that somebody waits."""
        from tocsin._stats import TopicStats

        found = self._found()
        now: dict[str, Any] = self._figures()
        upcoming = now.pop("next")
        own: dict[str, Any] = {
            "cursor": upcoming - 1 if upcoming else None,
            "behind": now["emits"] + 1 - upcoming if upcoming else 0,
        }
        return TopicStats(subscribers=self.subscribers, **own, **now, **self._common(found))

    def _state(self, found: dict[str, Any]) -> list[str]:  # noqa: ARG002 - its word says less
        return [f"emit {self._figures()['emits']}"]

    def _where(self) -> tuple[str, str]:
        """Name and place for a receiver that may work elsewhere, to whom a path has to be whole."""
        name, at, path = self.name or "", self.at or "", self.path or ""
        if name.startswith(("/", "./")):
            return path, at
        return name, at if at in ("user", "system") else path[: -len(name) - 1]

    def _ask_where(self, until: int) -> Mark | None:  # noqa: ARG002
        """A server's alone: here it is known at once."""
        return None

    _looks_out = False  # here who waits is told soon enough by who reads

    def _look_out(self, lookout: Lookout, until: int) -> Raw | None:
        """As a server's (`_redis.topic_ahead`)."""
        raise NotImplementedError

    def _call_lookouts(self) -> None:
        raise NotImplementedError

    def _begin_at(self, number: int) -> None:
        """A server's alone."""

    def _trouble(self) -> Exception | None:
        """Why nothing can come at this moment."""
        return None

    async def _trouble_async(self) -> Exception | None:
        return None

    def _join(self, memory: int, pipe: int) -> int:
        reason = self._attach(memory, pipe)
        return reason if reason < 0 or self._replay is None else self._subscribe(self._replay)

    # -- what the binding asks back

    def _fail_read(self, reason: int, missed: int) -> NoReturn:
        if reason == -errno.EOVERFLOW:
            raise Lagged(f"{self._title()} went on without this listener: {missed} emits were overwritten", missed)
        if reason == -errno.EUCLEAN and missed:
            raise ObjectDamaged(f"{self._title()} is damaged: {missed} emits can't be read, the next read goes on")
        if reason == -errno.ENOTCONN:
            raise ValueError(f"this handle of {self._title()} does not listen: call listen(), or give a replay")
        self._fail(reason)

    def _fail_emit(self, reason: int, done: int) -> NoReturn:
        if reason == -errno.EAGAIN:
            why = f"{self._title()}: a listener has not read what would have to go: wait longer, or don't"
            error: Exception = TimeoutError(errno.ETIMEDOUT, why)
        else:
            error = self._error(reason)
        error.done = done  # type: ignore[attr-defined]
        raise error


def _check_replay(replay: int | None) -> None:
    if replay is not None and (isinstance(replay, bool) or not 0 <= replay < 1 << 63):
        raise ValueError(f"bad replay {replay!r}: give a number of emits, 0 or more")


def _check_limit(limit: int) -> None:
    if limit < 1:
        raise ValueError(f"bad limit {limit!r}: read one at least")


def _nothing() -> NoReturn:
    from tocsin._errors import Empty

    raise Empty


__all__ = ["Topic", "WaitCancelled"]
