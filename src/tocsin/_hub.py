"""The hub of a loop: one epoll, whatever the number of objects and tasks. Knows no loop; `_aio` drives it.

The epoll holds the bell of each event that somebody on the loop awaits, edge-triggered. When it is readable, the
hub looks at those events whose bell has rung and wakes the tasks whose wait is over. A task arms first and judges by
the word which the arming returned (core/parts/bell.h), so no set is missed.
"""

from __future__ import annotations

import contextlib
import os
import select
import threading
import weakref
from collections import deque
from typing import TYPE_CHECKING, Protocol

from tocsin import _core

if TYPE_CHECKING:
    from tocsin._event import Event

#: How long a waiter trusts that the file still has its name (the same minute as the core's sleepers).
LOOK_NS = 60_000_000_000


class Seat(Protocol):
    """One task's wait; an asyncio.Future is one. Its result is True, False (too late), or what to raise."""

    def done(self) -> bool: ...
    def set_result(self, result: bool | Exception, /) -> None: ...  # noqa: FBT001 - as asyncio.Future


class Room:
    """Those who wait for one event on one loop: each seat with the count that it must pass."""

    __slots__ = ("event", "fd", "for_clear", "for_set", "second_look")

    def __init__(self, event: Event, fd: int) -> None:
        self.event = weakref.ref(event)
        self.fd = fd
        self.for_set: dict[Seat, int] = {}
        self.for_clear: dict[Seat, int] = {}
        self.second_look = 0  # ns, when a young bell must be looked at once more; 0: it need not

    def count(self) -> int:
        return len(self.for_set) + len(self.for_clear)

    def sit(self, event: Event, seat: Seat, after: int, *, for_clear: bool) -> bool:
        """Take a seat; True if the wait is over already."""
        if for_clear:
            self.for_clear[seat] = after
            return event._arm_clear() != after
        self.for_set[seat] = after
        return event._arm_set() > after or event._arm_later() > after

    def leave(self, seat: Seat) -> None:
        self.for_set.pop(seat, None)
        self.for_clear.pop(seat, None)

    def look(self) -> None:
        """The bell has rung, or a minute has passed: arm again, and wake those whose wait is over."""
        event = self.event()
        if event is None:
            return
        try:
            if self.for_set:
                self.serve(event, event._arm_set())
            if self.for_clear:
                clears = event._arm_clear()
                for seat, after in self.for_clear.items():
                    if clears != after and not seat.done():
                        seat.set_result(True)
        except (OSError, ValueError) as error:
            self.fail(error)

    def serve(self, event: Event, generation: int) -> None:
        while True:
            late = False
            for seat, after in self.for_set.items():
                if generation <= after:
                    late = True
                elif not seat.done():
                    seat.set_result(True)
            if not late:
                return
            # They wait for a later set, and must hear of the clear before it.
            before, generation = generation, event._arm_later()
            if generation == before:
                return

    def fail(self, error: Exception) -> None:
        for seat in (*self.for_set, *self.for_clear):
            if not seat.done():
                seat.set_result(error)


class Hub:
    """One loop's epoll and its rooms. All but `poke` runs on the loop's own thread."""

    def __init__(self) -> None:
        self.epoll = select.epoll()
        self.poker = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self.epoll.register(self.poker, select.EPOLLIN)
        self.rooms: dict[int, Room] = {}
        self.closing: deque[Room] = deque()
        self.looked = _core.now()
        with _lock:
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
        room = Room(event, fd)
        self.epoll.register(fd, select.EPOLLIN | select.EPOLLET)
        self.rooms[fd] = room
        event._bell = fd
        return room

    def forget(self, room: Room) -> None:
        if self.rooms.get(room.fd) is room:
            del self.rooms[room.fd]
            with contextlib.suppress(OSError, ValueError):  # closed already: the kernel has taken it out
                self.epoll.unregister(room.fd)

    def dispatch(self) -> None:
        rooms = self.rooms
        for fd, _ in self.epoll.poll(0):
            room = rooms.get(fd)
            if room is not None:
                room.look()
            elif fd == self.poker:
                self.answer()

    def answer(self) -> None:
        """Somebody poked: a handle was closed, or the one who leads must reckon anew."""
        with contextlib.suppress(BlockingIOError):
            os.eventfd_read(self.poker)
        while self.closing:
            room = self.closing.popleft()
            self.forget(room)
            room.fail(ValueError(f"{room.event()!r} was closed while a task waited for it"))

    def is_awaited(self) -> bool:
        return any(room.count() for room in self.rooms.values())

    def look_at_names(self) -> None:
        """Once a minute, while somebody waits: a deleted file, or a deleted bell, can't ring."""
        self.looked = _core.now()
        for room in list(self.rooms.values()):
            event = room.event()
            if event is None:
                self.forget(room)
            elif room.count():
                event._check_name()
                self.listen_anew(room, event)
                room.look()

    def listen_anew(self, room: Room, event: Event) -> None:
        with contextlib.suppress(OSError, ValueError):  # removed or closed: the look that follows tells
            fd = event._listen()
            if fd != room.fd:
                self.forget(room)
                room.fd = event._bell = fd
                self.epoll.register(fd, select.EPOLLIN | select.EPOLLET)
                self.rooms[fd] = room


_living: weakref.WeakSet[Hub] = weakref.WeakSet()
#: Around the books of hubs, which loops in several threads share.
_lock = threading.RLock()


def books() -> contextlib.AbstractContextManager[bool]:
    return _lock


def _rooms_of(event: Event) -> list[tuple[Hub, Room]]:
    with _lock:
        hubs = list(_living)
    found = ((hub, hub.rooms.get(event._bell)) for hub in hubs)
    return [(hub, room) for hub, room in found if room is not None and room.event() is event]


def awaiting(event: Event) -> int:
    """How many tasks, on all loops of this process, wait on this handle."""
    return sum(room.count() for _, room in _rooms_of(event))


def closed(event: Event) -> None:
    """From any thread: the handle was closed, and those who wait on it must hear of it on their own loops."""
    for hub, room in _rooms_of(event):
        hub.closing.append(room)
        hub.poke()


def after_fork_in_child() -> None:
    """A child that kept its parent's epoll would eat the parent's edges."""
    global _lock  # noqa: PLW0603 - it may have been held by a thread that is not here
    _lock = threading.RLock()
    for hub in list(_living):
        hub.give_back()
    _living.clear()
