"""A bus with a name: emits go into a topic in shared memory, and come back to each process that listens.

Arguments travel as JSON; a handler gets them as its annotations say. Who only emits is no listener, and nobody waits
for him. The first handler, wait or subscription makes this process one: from then on its reader (`_bus_reader`) hands
each emit to whoever of this process hears it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tocsin._bus import Bus
from tocsin._bus_event import arguments, keywords
from tocsin._bus_known import check_name
from tocsin._bus_lookout import Lookout
from tocsin._bus_reader import Reader
from tocsin._codec import codec_for
from tocsin._topic import Topic

if TYPE_CHECKING:
    from tocsin._bus_dispatcher import Timer
    from tocsin._bus_event import Args, Kwargs
    from tocsin._bus_registry import Listener
    from tocsin._bus_wait import Seat
    from tocsin._redis.topic_mark import Mark


class NamedBus(Bus):
    """What `Bus("name")` makes."""

    def _open(self, name: str | None, options: dict[str, Any], replay: int) -> None:
        if isinstance(replay, bool) or not isinstance(replay, int) or replay < 0:
            raise ValueError(f"bad replay {replay!r}: give a number of emits, 0 or more")
        self._topic = Topic(name, **options)
        self.name, self.at, self.path = self._topic.name, self._topic.at, self._topic.path
        self._codec = codec_for(None, self._what())
        assert self._codec.check is not None
        self._check, self._dump, self._send = self._codec.check, self._codec.dump, self._topic.emit
        self._reader = Reader(self, self._topic, replay)

    # -- emits

    def emit(self, name: str, args: Args = (), kwargs: Kwargs = None, *, wait: float | None = 0.0) -> int:
        listeners, _ = self._registry.routes.get(name) or self._route(name)
        if self._homeless:
            self._adopt()
        if type(args) is not tuple:
            args = arguments(args)
        value = (name, args, keywords(kwargs) if kwargs else {})
        # What the codec does, without a call in between; it says what is wrong, if something is.
        try:
            payload = self._dump(value) if self._check(value) is None else self._codec.encode(value)
        except Exception:  # noqa: BLE001 - it is met again
            payload = self._codec.encode(value)
        if self._reader.asked:  # who began to wait before is to hear this, too
            self._reader.settle()
        if wait == 0:
            self._send(payload)
        else:
            self._topic.emit(payload, wait=wait)
        return len(listeners)

    async def emit_async(self, name: str, args: Args = (), kwargs: Kwargs = None, *, wait: float | None = 0.0) -> int:
        listeners, _ = self._registry.routes.get(name) or self._route(name)
        self._adopt()
        payload = self._encode(name, args, kwargs)
        if self._reader.asked:
            await self._reader.settle_async()
        await self._topic.emit_async(payload, wait=wait)
        return len(listeners)

    def emit_after(self, delay: float, name: str, args: Args = (), kwargs: Kwargs = None) -> Timer:
        self._encode(name, args, kwargs)  # what can't be sent is an error now, not later
        return super().emit_after(delay, name, args, kwargs)

    def _encode(self, name: str, args: object, kwargs: Kwargs) -> bytes:
        return self._codec.encode((check_name(name), arguments(args), keywords(kwargs) if kwargs else {}))

    # -- what comes

    def _join(self, listener: Listener, until: int = -1) -> None:
        self._reader.join(listener, until)

    def _join_soon(self, listener: Listener, until: int) -> Mark | None:
        return self._reader.join_soon(listener, until)

    def _lookout(self, seat: Seat) -> Lookout | None:
        return Lookout(self._reader, seat) if self._topic._looks_out else None

    def _left(self, listener: Listener) -> None:
        if (mark := self._reader.asked.pop(listener, None)) is not None:
            mark.leave()

    def _trouble(self) -> Exception | None:
        return self._topic._trouble()

    async def _trouble_async(self) -> Exception | None:
        return await self._topic._trouble_async()

    # -- life

    def close(self) -> None:
        super().close()
        self._reader.close()

    def unlink(self) -> None:
        """Remove the bus: waits and subscriptions get ObjectRemoved, here and elsewhere; then the name goes."""
        self._topic.unlink()

    def _renew(self) -> None:
        self._reader.renew()

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (*self._topic._where(), self._reader.replay)

    def _subscribers(self) -> int | None:
        return self._topic.subscribers


def _rebuild(name: str, at: str, replay: int) -> Bus:
    return Bus(name, at=at, replay=replay)
