"""A subscription: a bus's events as an iteration, for threads, loops and selects."""

from __future__ import annotations

import contextlib
import os
import threading
import weakref
from collections import deque
from typing import TYPE_CHECKING, Self

from tocsin import _core
from tocsin._bus_backlog import Backlog
from tocsin._bus_event import BusEvent, seen
from tocsin._bus_meeting import Meeting
from tocsin._errors import Lagged, WaitCancelled
from tocsin._wait import warn_if_loop_is_running

if TYPE_CHECKING:
    from types import TracebackType

    from tocsin._bus_base import Base
    from tocsin._bus_event import Raw


class Inbox:
    """What stands in the registry, and must not keep the subscription alive."""

    def __init__(self, bus: Base, pattern: str, policy: str, limit: int) -> None:
        self.bus = bus
        self.pattern = pattern
        self._backlog = Backlog(policy, limit)
        self._strict = policy != "drop_oldest"
        self.sleepers: deque[Meeting] = deque()
        self.fd = -1
        self.over: Exception | None = None  # what ends its waits: cancelled, closed
        self.books = threading.RLock()

    def offer(self, raw: Raw) -> bool:
        self._backlog.push(raw)
        self.wake()
        return True

    def offer_many(self, raws: list[Raw]) -> None:
        self.rouse(self.keep(raws))

    def keep(self, raws: list[Raw]) -> int:
        return self._backlog.push_many(raws)

    def rouse(self, count: int) -> None:
        for _ in range(max(1, min(count, len(self.sleepers)))):
            self.wake()

    def wake(self) -> None:
        """One of those who wait, for there is one more to take."""
        if self.fd >= 0:
            self.light()
        with contextlib.suppress(IndexError):
            self.sleepers.popleft().give(True)

    def fail(self, why: Exception) -> None:
        """Those who wait now are told; who comes later may have better luck."""
        with contextlib.suppress(IndexError):
            while True:
                self.sleepers.popleft().give(why)

    def end(self, why: Exception) -> None:
        if self.over is None or isinstance(why, ValueError):
            self.over = why
        self._backlog.let_all_in()
        if self.fd >= 0:
            self.light()
        with contextlib.suppress(IndexError):
            while True:
                self.sleepers.popleft().give(True)

    def leave(self) -> None:
        self.bus._registry.remove(self)
        self._backlog.let_all_in()
        with self.books:
            fd, self.fd = self.fd, -1
            if fd >= 0:
                os.close(fd)

    # -- the descriptor: readable while there is something to take, or nothing ever again

    def light(self) -> None:
        with self.books, contextlib.suppress(OSError):
            if self.fd >= 0:
                os.eventfd_write(self.fd, 1)

    def dim(self) -> None:
        """Nothing was found: not readable until something comes."""
        with self.books, contextlib.suppress(BlockingIOError):
            if self.fd >= 0:
                os.eventfd_read(self.fd)
        if self._backlog.pending or self.over is not None:
            self.light()

    def descriptor(self) -> int:
        with self.books:
            if self.fd < 0:
                self.fd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        if self._backlog.pending or self.over is not None:
            self.light()
        return self.fd

    def renew(self) -> None:
        """After fork, in the child: the same cursor, and a descriptor of its own under the same number."""
        self._backlog.renew(keep=True)
        self.books = threading.RLock()
        self.sleepers.clear()
        if self.fd >= 0:
            own = os.eventfd(1 if self._backlog.pending else 0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
            os.dup2(own, self.fd, inheritable=False)
            os.close(own)


class Subscription:
    """The events of a name or a pattern, from the moment it was made, one after the other.

    ``for event in bus.subscribe("job.*")`` in a thread, ``async for`` on asyncio, uvloop and trio; `wait` and
    `wait_async` for one at a time; `fileno()` for selects, `wait_any` and `WaitSet`.

    The race it removes: a loop around `Bus.wait` misses what is emitted between two of its waits. A subscription keeps
    it: up to `limit` emits, then as `policy` says. Where it has dropped some, the next step raises `Lagged` once, with
    the exact number in `missed`, and the iteration goes on behind them: it is an object, not a generator, so an
    exception ends a step and not the iteration. Two threads on one subscription share its events.

    Let go of, it has left the bus; `close()` and ``with`` do it now. The standard library has no namesake.
    """

    def __init__(self, bus: Base, pattern: str, policy: str, limit: int) -> None:
        self._inbox = Inbox(bus, pattern, policy, limit)
        self._leave = weakref.finalize(self, self._inbox.leave)
        self._leave.atexit = False
        bus._join(self._inbox)

    @property
    def pattern(self) -> str:
        return self._inbox.pattern

    @property
    def queued(self) -> int:
        """How many events are there to be taken."""
        return len(self._inbox._backlog.pending)

    def wait(self, timeout: float | None = None) -> BusEvent:
        """The next event, in order. `timeout` in seconds; None and inf: for ever; 0: only look.

        Raises:
            TimeoutError: none came. Lagged: some were dropped; the next call goes on behind them.
            WaitCancelled: `cancel` was called. ValueError: it, or its bus, was closed; or a bad timeout.
        """
        until = _core.data_deadline(timeout)
        found = self._look()
        if found is not None:
            return found
        if until != 0:
            warn_if_loop_is_running("wait_async()")
        while until != 0:
            meeting, found = self._sit()
            if found is not None:
                return found
            try:
                with self._inbox.bus._counted():
                    came = meeting.wait(until)
            except BaseException:
                self._rise(meeting)
                raise
            found = self._rise_and_look(meeting, came=came)
            if found is not None:
                return found
            if not came:
                break
        raise self._late(self._inbox.bus._trouble())

    async def wait_async(self, timeout: float | None = None) -> BusEvent:
        """`wait`, on asyncio, uvloop and trio. Safe to cancel: a task that is cancelled takes no event along."""
        until = _core.data_deadline(timeout)
        self._inbox.bus._adopt()
        found = self._look()
        if found is not None:
            return found
        while until != 0:
            meeting, found = self._sit()
            if found is not None:
                return found
            try:
                with self._inbox.bus._counted():
                    came = await meeting.wait_async(until)
            except BaseException:
                self._rise(meeting)
                raise
            found = self._rise_and_look(meeting, came=came)
            if found is not None:
                return found
            if not came:
                break
        raise self._late(await self._inbox.bus._trouble_async())

    def _look(self) -> BusEvent | None:
        inbox = self._inbox
        if inbox.over is not None:
            raise inbox.over
        backlog = inbox._backlog
        if backlog.lags:
            missed = backlog.lagged()
            if missed:
                what = f"the subscription to {self.pattern!r} was {backlog.limit} emits behind"
                raise Lagged(f"{what}, and {missed} older ones were dropped; the next step goes on behind them", missed)
        raw = backlog.take()
        if raw is None:
            inbox.dim()
            return None
        if inbox.fd >= 0 and not backlog.pending:
            inbox.dim()
        return seen(raw)

    def _sit(self) -> tuple[Meeting, BusEvent | None]:
        """Wait in line, and look again: what came before one stood there woke nobody."""
        meeting = Meeting()
        self._inbox.sleepers.append(meeting)
        try:
            found = self._look()
        except BaseException:
            self._rise(meeting)
            raise
        if found is not None:
            self._rise(meeting)
        return meeting, found

    def _rise(self, meeting: Meeting) -> None:
        """Leave the line. If it was woken meanwhile, that was meant for somebody: hand it on."""
        try:
            self._inbox.sleepers.remove(meeting)
        except ValueError:
            if self._inbox._backlog.pending:
                self._inbox.wake()

    def _rise_and_look(self, meeting: Meeting, *, came: bool) -> BusEvent | None:
        if not came:
            self._rise(meeting)
        elif isinstance(meeting.thing, Exception):
            raise meeting.thing
        return self._look()

    def _late(self, trouble: Exception | None) -> Exception:
        return trouble or TimeoutError(f"no event {self.pattern!r} on {self._inbox.bus._what()} in the time given")

    # -- iteration: the object itself, so that an exception ends one step

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> BusEvent:
        try:
            return self.wait()
        except WaitCancelled:
            raise StopIteration from None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> BusEvent:
        try:
            return await self.wait_async()
        except WaitCancelled:
            raise StopAsyncIteration from None

    # -- life

    def cancel(self) -> None:
        """End its waits and iterations, now and from now on. From any thread. What is queued is not given any more."""
        why = f"the subscription to {self.pattern!r} was cancelled: subscribe anew to go on"
        self._inbox.bus._registry.remove(self._inbox)
        self._inbox.end(WaitCancelled(why))

    def close(self) -> None:
        """Leave the bus. Later calls, and those that it finds blocked, get ValueError. May be called twice."""
        self._inbox.end(ValueError(f"the subscription to {self.pattern!r} was closed: subscribe anew"))
        self._leave()

    def fileno(self) -> int:
        """A descriptor that is readable while there is an event to take, or the subscription is over.

        Looking at it takes nothing. For select, poll, loops, `wait_any`. ValueError once it is closed.
        """
        if isinstance(self._inbox.over, ValueError):
            raise self._inbox.over
        return self._inbox.descriptor()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        over = self._inbox.over
        state = f"{self.queued} queued" if over is None else "closed" if isinstance(over, ValueError) else "cancelled"
        return f"<tocsin.Subscription {self.pattern!r} on {self._inbox.bus._what()}: {state}>"
