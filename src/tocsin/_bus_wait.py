"""One who waits for an event: a thread, or a task. It counts from the moment it is made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tocsin._bus_event import BusEvent, seen
from tocsin._bus_meeting import Meeting

if TYPE_CHECKING:
    from tocsin._bus_base import Base
    from tocsin._bus_event import Raw
    from tocsin._redis.topic_mark import Mark


class Seat:
    """What stands in the registry: one meeting, to which whoever comes first is admitted."""

    _strict = False
    _backlog = None
    __slots__ = ("_claim", "_mark", "_meeting", "bus", "pattern")

    def __init__(self, bus: Base, pattern: str, until: int, *, is_task: bool) -> None:
        self.bus = bus
        self.pattern = pattern
        self._claim = [None]
        self._meeting = Meeting()
        self._mark: Mark | None = None
        if is_task:
            self._mark = bus._join_soon(self, until)
        else:
            bus._join(self, until)

    def claim(self) -> bool:
        """Be the one who admits somebody."""
        try:
            self._claim.pop()
        except IndexError:
            return False
        return True

    def offer(self, raw: Raw) -> bool:
        if not self.claim():
            return False
        came = self._meeting.give(raw)
        self.bus._registry.remove(self)  # after the wake: who waits is not to wait for this
        return came

    def offer_many(self, raws: list[Raw]) -> None:
        """It hears the first."""
        self.offer(raws[0])

    def fail(self, error: Exception) -> None:
        """The bus was closed, or its server is lost."""
        if self.claim():
            self._meeting.give(error)
            self.bus._registry.remove(self)

    def wait(self, until: int) -> bool:
        """On a thread."""
        lookout = self.bus._lookout(self)
        try:
            return self._meeting.wait(until, lookout)
        finally:
            if lookout is not None:  # else whoever gave it something has done so
                self.bus._registry.remove(self)

    def leave(self) -> None:
        if self._claim and self.claim():
            self.bus._registry.remove(self)
            self.bus._left(self)


class Wait:
    """The waiter's hold on its seat; who lets go of it, waited for or not, has left."""

    __slots__ = ("_seat",)

    def __init__(self, bus: Base, pattern: str, until: int, *, is_task: bool = False) -> None:
        self._seat = Seat(bus, pattern, until, is_task=is_task)

    def __del__(self) -> None:
        seat = getattr(self, "_seat", None)
        if seat is not None:
            seat.leave()

    def wait(self, until: int) -> BusEvent:
        waiting = self._seat.bus._waiting
        waiting.append(None)
        try:
            came = self._seat.wait(until)
        finally:
            waiting.pop()
        return self._answer(None if came else self._seat.bus._trouble(), came=came)

    async def wait_async(self, until: int) -> BusEvent:
        waiting = self._seat.bus._waiting
        waiting.append(None)
        try:
            if self._seat._mark is not None:
                await self._seat._mark.arrive()
            came = await self._seat._meeting.wait_async(until)
        finally:
            waiting.pop()
        return self._answer(None if came else await self._seat.bus._trouble_async(), came=came)

    def _answer(self, trouble: Exception | None, *, came: bool) -> BusEvent:
        if trouble is not None:
            raise trouble from None
        if not came:
            raise TimeoutError(f"no event {self._seat.pattern!r} on {self._seat.bus._what()} in the time given")
        thing = self._seat._meeting.thing
        if isinstance(thing, Exception):
            raise thing
        return seen(thing)
