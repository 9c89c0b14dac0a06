"""A bus with a name: emits go into a topic in shared memory, and come back to each process that listens.

Arguments travel as JSON; a handler gets them as its annotations say. Who only emits is no listener, and nobody waits
for him. The first handler, wait or subscription makes this process one: from then on a thread, the bus's dispatcher,
reads the topic and hands each emit to whoever of this process hears it.
"""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, Any

import msgspec

from tocsin._bus import Bus
from tocsin._bus_event import arguments, keywords, seen
from tocsin._bus_names import check_name
from tocsin._bus_room import make_room
from tocsin._bus_subscription import Inbox
from tocsin._bus_wait import Seat
from tocsin._codec import codec_for
from tocsin._errors import Full, InvalidMessage, Lagged, ObjectDamaged, TocsinError, WaitCancelled
from tocsin._topic import Topic

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Mapping

    from tocsin._bus_dispatcher import Timer
    from tocsin._bus_event import Raw
    from tocsin._bus_meeting import Loop
    from tocsin._stats import BusStats

    OnError = Callable[..., object]

#: How many emits are taken from the topic at once.
BATCH = 256


class NamedBus(Bus):
    """What `Bus("name")` makes."""

    def __init__(  # noqa: PLR0913 - as many as `Bus` has
        self,
        name: str | None = None,
        *,
        loop: Loop | None = None,
        at: str | os.PathLike[str] | None = None,
        on_error: OnError | None = None,
        mode: int | None = None,
        create: bool = True,
        max_bytes: int | None = None,
        replay: int = 0,
    ) -> None:
        super().__init__(loop=loop, on_error=on_error)
        if isinstance(replay, bool) or not isinstance(replay, int) or replay < 0:
            raise ValueError(f"bad replay {replay!r}: give a number of emits, 0 or more")
        self._replay = replay
        self._topic = Topic(name, at=at, mode=mode, create=create, max_bytes=max_bytes)
        self.name, self.at, self.path = self._topic.name, self._topic.at, self._topic.path
        self._codec = codec_for(None, self._what())
        self._decode = msgspec.json.Decoder(tuple[str, tuple[Any, ...], dict[str, Any]]).decode
        self._books = threading.RLock()
        self._reader: threading.Thread | None = None

    # -- emits

    def emit(
        self,
        name: str,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
        *,
        wait: float | None = 0.0,
    ) -> int:
        if self._over is not None:
            self._check_open()
        if self._homeless:
            self._adopt()
        self._topic.emit(self._encode(name, args, kwargs), wait=wait)
        return len((self._registry.routes.get(name) or self._registry.route(name))[0])

    async def emit_async(
        self,
        name: str,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
        *,
        wait: float | None = 0.0,
    ) -> int:
        self._check_open()
        self._adopt()
        await self._topic.emit_async(self._encode(name, args, kwargs), wait=wait)
        return len((self._registry.routes.get(name) or self._registry.route(name))[0])

    def emit_after(
        self, delay: float, name: str, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Timer:
        self._encode(name, args, kwargs)  # what can't be sent is an error now, not later
        return super().emit_after(delay, name, args, kwargs)

    def _encode(self, name: str, args: Any, kwargs: Mapping[str, Any] | None) -> bytes:
        if type(args) is not tuple:
            args = arguments(args)
        return self._codec.encode((check_name(name), args, keywords(kwargs) if kwargs else {}))

    # -- what comes

    def _listen(self) -> None:
        if self._reader is None:
            self._topic.listen(self._replay)

    def _heed(self) -> None:
        if self._reader is None:
            with self._books:
                if self._reader is None and self._over is None:
                    self._start_reader()

    def _start_reader(self) -> None:
        self._reader = threading.Thread(target=self._read, name=f"tocsin bus {self.name}", daemon=True)
        self._reader.start()

    def _read(self) -> None:
        is_damaged = False
        while True:
            try:
                for _, payload in self._topic.read_many(BATCH):
                    self._come(payload)
                is_damaged = False
            except Lagged as lag:
                self._lag(lag)
            except ObjectDamaged as error:
                if is_damaged:  # twice, and nothing in between: there is no going on behind it
                    self._end(error)
                    return
                is_damaged = True
                self._report(error, None, None)
            except (WaitCancelled, ValueError):  # closed
                self._topic.close()
                return
            except Exception as error:  # noqa: BLE001 - removed, or worse: nothing will come any more
                self._end(error)
                return

    def _come(self, payload: bytes) -> None:
        try:
            name, args, kwargs = self._decode(payload)
            route = self._registry.routes.get(name) or self._registry.route(check_name(name))
        except Exception as error:  # noqa: BLE001 - whoever can write the topic can write anything
            self._report(InvalidMessage(f"{self._what()} holds what is no emit: {error}"), None, None)
            return
        raw: Raw = (name, args, kwargs or None)
        listeners, strict = route
        if strict:
            listeners = self._make_room(listeners, strict, raw)
        for listener in listeners:
            listener.offer(raw)

    def _make_room(self, listeners: tuple[Any, ...], strict: tuple[Any, ...], raw: Raw) -> tuple[Any, ...]:
        """As in the emitter's own process; one that refuses can't tell the emitter, so it is left out and reported."""
        refused = []
        for listener in strict:
            try:
                make_room((listener,), self)
            except (Full, RuntimeError) as error:
                refused.append(listener)
                self._report(error, seen(raw), None)
        return tuple(listener for listener in listeners if listener not in refused)

    def _lag(self, lag: Lagged) -> None:
        for listener in self._registry.all():
            if isinstance(listener, Inbox):
                with listener._backlog.lock:
                    listener._backlog.dropped += lag.missed
                listener.wake()
        self._report(lag, None, None)

    def _end(self, error: Exception) -> None:
        for listener in self._registry.all():
            if isinstance(listener, Seat):
                listener.fail(error)
            elif isinstance(listener, Inbox):
                listener.end(error)
        if not isinstance(error, TocsinError) or self._over is None:
            self._report(error, None, None)

    # -- life

    def close(self) -> None:
        super().close()
        with self._books, contextlib.suppress(ValueError):
            if self._reader is None:
                self._topic.close()
            else:
                self._topic.cancel()

    def unlink(self) -> None:
        """Remove the bus: waits and subscriptions get ObjectRemoved, here and elsewhere; then the name goes."""
        self._topic.unlink()

    def _renew(self) -> None:
        self._books = threading.RLock()
        if self._reader is not None and self._over is None:
            self._start_reader()

    def __reduce__(self) -> tuple[Any, ...]:
        name, at, path = self.name or "", self.at, self.path or ""
        if name.startswith(("/", "./")):  # a path means the same file in a receiver that works elsewhere
            name = path
        elif at not in ("user", "system"):
            at = path[: -len(name) - 1]
        return _rebuild, (name, at, self._replay)

    # -- what it tells

    def stats(self) -> BusStats:
        from dataclasses import replace

        found = super().stats()
        if found.closed:
            return found
        return replace(found, path=self.path, subscribers=self._topic.subscribers)

    def _what(self) -> str:
        return f"the bus {self.name!r} at {self.at!r}"

    def __repr__(self) -> str:
        found = self.stats()
        state = "closed" if found.closed else f"{found.handlers} handlers, {found.queued} queued"
        return f"<tocsin.Bus {self.name!r} at {self.at!r}: {state}>"


def _rebuild(name: str, at: str, replay: int) -> Bus:
    return Bus(name, at=at, replay=replay)
