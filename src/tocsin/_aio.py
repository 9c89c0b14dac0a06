"""Waiting in event loops: one hub per loop, one epoll in it, whatever the number of objects and tasks.

A hub's epoll holds the bell of each event that somebody on its loop awaits, edge-triggered. When it is
readable, the hub looks at those events whose bell has rung and wakes the tasks whose wait is over. A task
arms first and judges by the word which the arming returned (core/parts/bell.h), so no set is missed.

asyncio and uvloop watch the hub by `add_reader`, which costs one callback per wake. On every other loop
(trio), anyio waits for it: one of the waiting tasks leads, waits for the hub on behalf of all and hands
over when it leaves, so that no task of ours runs in the background and cancelling is only a task's own affair.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import threading
import weakref
from collections import deque
from typing import TYPE_CHECKING

import anyio
import sniffio

from tocsin import _core

if TYPE_CHECKING:
    from collections.abc import Callable

    from tocsin._event import Event

#: How long a waiter trusts that the file still has its name (the same minute as the core's sleepers).
LOOK_S = 60.0
LOOK_NS = int(LOOK_S * 1e9)


class Waiter:
    """One task's wait: what it waits for, and how its loop wakes it."""

    __slots__ = ("after", "done", "error", "for_clear", "wake")

    def __init__(self, after: int, wake: Callable[[], None], *, for_clear: bool) -> None:
        self.after = after
        self.for_clear = for_clear
        self.wake = wake
        self.done = False
        self.error: BaseException | None = None

    def is_over(self, is_set: int, clears: int) -> bool:
        if self.for_clear:
            return not is_set or clears != self.after
        return clears + is_set > self.after

    def end(self, error: BaseException | None = None) -> None:
        if not self.done:
            self.done = True
            self.error = error
            self.wake()


class Room:
    """Those who wait for one event on one loop."""

    def __init__(self, hub: Hub, event: Event, fd: int) -> None:
        self.hub = hub
        self.event = weakref.ref(event)
        self.fd = fd
        self.waiters: dict[Waiter, None] = {}
        self.second_look = 0  # ns, when a young bell must be looked at once more; 0: it need not

    def count(self) -> int:
        return len(self.waiters)

    def add(self, event: Event, waiter: Waiter) -> None:
        self.waiters[waiter] = None
        if waiter.is_over(*event._arm(waiter.for_clear)):
            waiter.end()

    def look(self) -> None:
        """The bell has rung, or a minute has passed: arm again, and wake those whose wait is over."""
        event = self.event()
        if event is None or not self.waiters:
            return
        try:
            words = {kind: event._arm(kind) for kind in {waiter.for_clear for waiter in self.waiters}}
        except (OSError, ValueError) as error:
            self.fail(error)
            return
        for waiter in list(self.waiters):
            if waiter.is_over(*words[waiter.for_clear]):
                waiter.end()

    def fail(self, error: BaseException) -> None:
        for waiter in list(self.waiters):
            waiter.end(error)

    def closed(self) -> None:
        """From any thread: the event's handle was closed."""
        self.hub.closing.append(self)
        self.hub.poke()


class Hub:
    """One loop's epoll and its rooms. All but `poke` runs on the loop's own thread."""

    def __init__(self) -> None:
        self.epoll = select.epoll()
        self.poker = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self.epoll.register(self.poker, select.EPOLLIN)
        self.rooms: dict[int, Room] = {}
        self.closing: deque[Room] = deque()
        self.lead: Waiter | None = None
        self.looked = _core.now()
        _living.add(self)

    def __del__(self) -> None:
        self.give_back()

    def give_back(self) -> None:
        with contextlib.suppress(AttributeError, OSError):
            self.epoll.close()
            poker, self.poker = self.poker, -1
            if poker >= 0:
                os.close(poker)

    def poke(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            os.eventfd_write(self.poker, 1)

    def enter(self, event: Event) -> Room:
        fd = event._listen()
        room = self.rooms.get(fd)
        if room is not None and room.event() is event:
            return room
        if room is not None:  # a number that its dead event left behind
            self.forget(room)
        room = self.rooms[fd] = Room(self, event, fd)
        self.epoll.register(fd, select.EPOLLIN | select.EPOLLET)
        with _rooms_lock:
            event._rooms = [r for r in event._rooms or () if r.count() or r.hub is not self] + [room]
        return room

    def forget(self, room: Room) -> None:
        if self.rooms.get(room.fd) is room:
            del self.rooms[room.fd]
            with contextlib.suppress(OSError, ValueError):  # closed already: the kernel has taken it out
                self.epoll.unregister(room.fd)

    def dispatch(self) -> None:
        for fd, _ in self.epoll.poll(0):
            if fd == self.poker:
                with contextlib.suppress(BlockingIOError):
                    os.eventfd_read(self.poker)
            elif (room := self.rooms.get(fd)) is not None:
                room.look()
        while self.closing:
            room = self.closing.popleft()
            self.forget(room)
            event = room.event()
            room.fail(ValueError(f"{event!r} was closed while a task waited for it"))

    def look_at_names(self) -> None:
        """Once a minute, while somebody waits: a deleted file, or a deleted bell, can't ring."""
        self.looked = _core.now()
        for room in list(self.rooms.values()):
            event = room.event()
            if event is None:
                self.forget(room)
            elif room.waiters:
                event._check_name()
                room.look()
                self.listen_anew(room, event)

    def listen_anew(self, room: Room, event: Event) -> None:
        with contextlib.suppress(OSError, ValueError):
            fd = event._listen()
            if fd != room.fd or room.fd not in self.rooms:
                self.forget(room)
                room.fd = fd
                self.rooms[fd] = room
                self.epoll.register(fd, select.EPOLLIN | select.EPOLLET)
                room.look()


_living: weakref.WeakSet[Hub] = weakref.WeakSet()
_rooms_lock = threading.Lock()
_hubs: weakref.WeakKeyDictionary[object, Hub] = weakref.WeakKeyDictionary()


def _after_fork() -> None:
    """A child that kept its parent's epoll would eat the parent's edges."""
    global _rooms_lock  # noqa: PLW0603 - it may have been held by a thread that is not here
    _rooms_lock = threading.Lock()
    for hub in list(_living):
        hub.give_back()
    _living.clear()
    _hubs.clear()


os.register_at_fork(after_in_child=_after_fork)


async def wait(event: Event, after: int, until: int, *, for_clear: bool) -> bool:
    """Until the event's word says so: True; False at the deadline `until` (ns, -1 never, 0 look once)."""
    if sniffio.current_async_library() == "asyncio":
        return await _wait_asyncio(event, after, until, for_clear=for_clear)
    return await _wait_anyio(event, after, until, for_clear=for_clear)


# -- asyncio and uvloop


class _AsyncioHub(Hub):
    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self.timer: asyncio.TimerHandle | None = None
        loop.add_reader(self.epoll.fileno(), self.dispatch)

    def watch_names(self, loop: asyncio.AbstractEventLoop) -> None:
        if self.timer is None:
            self.timer = loop.call_later(LOOK_S, self.minute, weakref.ref(loop))

    def minute(self, loop: weakref.ref[asyncio.AbstractEventLoop]) -> None:
        self.timer = None
        self.look_at_names()
        alive = loop()
        if alive is not None and any(room.waiters for room in self.rooms.values()):
            self.watch_names(alive)


def _resolve(future: asyncio.Future[bool], result: bool = True) -> None:  # noqa: FBT001, FBT002 - a callback
    if not future.done():
        future.set_result(result)


async def _wait_asyncio(event: Event, after: int, until: int, *, for_clear: bool) -> bool:
    loop = asyncio.get_running_loop()
    hub = _hubs.get(loop)
    if hub is None:
        hub = _hubs[loop] = _AsyncioHub(loop)
    assert isinstance(hub, _AsyncioHub)
    room = hub.enter(event)
    future: asyncio.Future[bool] = loop.create_future()
    waiter = Waiter(after, lambda: _resolve(future), for_clear=for_clear)
    timers: list[asyncio.TimerHandle] = []
    try:
        again = event._look_again()  # before the arming: the bell's age counts up to it
        room.add(event, waiter)
        if not waiter.done:
            if until == 0:
                return False
            if until > 0:
                timers.append(loop.call_later(max(0.0, (until - _core.now()) / 1e9), _resolve, future, False))
            if again:
                timers.append(loop.call_later(again / 1e9, room.look))
            hub.watch_names(loop)
            over = await future
            if not over:  # at the very end: a set that rang this instant counts
                return waiter.is_over(*event._arm(for_clear))
        if waiter.error is not None:
            raise waiter.error
        return True
    finally:
        room.waiters.pop(waiter, None)
        for timer in timers:
            timer.cancel()


# -- every other loop, by anyio


class _AnyioHub(Hub):
    async def follow(self, waiter: Waiter, until: int) -> None:
        """Until the waiter's turn comes or its wait is over; somebody among those who wait leads."""
        awake = anyio.Event()

        def wake() -> None:
            awake.set()

        waiter.wake = wake
        while not waiter.done and (until < 0 or _core.now() < until):
            if self.lead is None:
                await self.lead_once(waiter, until)
            else:
                with anyio.move_on_after(_left(until, _core.now())):
                    await awake.wait()
                if awake.is_set() and not waiter.done:  # called to lead
                    awake = anyio.Event()

    async def lead_once(self, waiter: Waiter, until: int) -> None:
        self.lead = waiter
        scope = anyio.CancelScope()
        try:
            now = _core.now()
            next_look = min([self.looked + LOOK_NS, *(r.second_look for r in self.rooms.values() if r.second_look)])
            scope.deadline = anyio.current_time() + min(_left(until, now), _left(max(next_look, 0), now))
            with scope:
                await anyio.wait_readable(self.epoll.fileno())
        finally:
            self.lead = None
            self.dispatch()
        now = _core.now()
        if now >= self.looked + LOOK_NS:
            self.look_at_names()
        for room in list(self.rooms.values()):
            if room.second_look and now >= room.second_look:
                room.second_look = 0
                room.look()

    def call_next(self) -> None:
        """Somebody who waits must lead; whoever leaves calls one of the others."""
        if self.lead is None:
            for room in self.rooms.values():
                for waiter in room.waiters:
                    if not waiter.done:
                        waiter.wake()
                        return


def _left(until: int, now: int) -> float:
    return float("inf") if until < 0 else max(0.0, (until - now) / 1e9)


async def _wait_anyio(event: Event, after: int, until: int, *, for_clear: bool) -> bool:
    token = anyio.lowlevel.current_token()
    hub = _hubs.get(token)
    if hub is None:
        hub = _hubs[token] = _AnyioHub()
    assert isinstance(hub, _AnyioHub)
    room = hub.enter(event)
    waiter = Waiter(after, lambda: None, for_clear=for_clear)
    if again := event._look_again():  # before the arming, as above
        room.second_look = _core.now() + again
        hub.poke()  # whoever leads has not reckoned with it
    try:
        room.add(event, waiter)
        if not waiter.done:
            if until == 0:
                await anyio.lowlevel.checkpoint()
                return False
            await hub.follow(waiter, until)
        if waiter.error is not None:
            raise waiter.error
        return waiter.done or waiter.is_over(*event._arm(for_clear))
    finally:
        # Also when this task was called to lead and cancelled in the same instant.
        room.waiters.pop(waiter, None)
        hub.call_next()
