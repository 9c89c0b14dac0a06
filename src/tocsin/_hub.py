"""The hub of a loop: one epoll, whatever the number of objects and tasks. Knows no loop; `_aio` drives it.

The epoll holds the bell of each object that somebody on the loop awaits, edge-triggered. When it is readable, the
hub looks at those objects whose bell has rung and wakes the tasks whose wait is over. A task arms first and judges by
the ticket which the arming returned (core/parts/bell.h), so no change is missed. An event's tickets say how often it
became set or clear, all others' that something changed, which is a reason to look and no more.
"""

from __future__ import annotations

import contextlib
import os
import select
import threading
import weakref
from collections import deque

from tocsin import _core
from tocsin._errors import OwnerDied, WaitCancelled

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    from tocsin._object import Handle
else:
    Protocol = object  # typing costs a command start-up time

#: How long a waiter trusts that the file still has its name (the same minute as the core's sleepers).
LOOK_NS = 60_000_000_000


class Seat(Protocol):
    """One task's wait; an asyncio.Future is one. Its result is True, False (too late), or what to raise."""

    def done(self) -> bool: ...
    def set_result(self, result: bool | Exception, /) -> None: ...  # noqa: FBT001 - as asyncio.Future


class Room:
    """Those who wait for one object on one loop. It has two sides, as its bell has (something to take; room, or
    all done). Each seat comes with a ticket, and its wait is over when the side's own has passed it."""

    __slots__ = ("fd", "handle", "second_look", "sides")

    def __init__(self, handle: Handle, fd: int) -> None:
        self.handle = weakref.ref(handle)
        self.fd = fd
        self.sides: tuple[dict[Seat, int], dict[Seat, int]] = ({}, {})
        self.second_look = 0  # ns, when a young bell must be looked at once more; 0: it need not

    def count(self) -> int:
        return len(self.sides[0]) + len(self.sides[1])

    def seats(self) -> tuple[Seat, ...]:
        return (*self.sides[0], *self.sides[1])

    def sit(self, handle: Handle, seat: Seat, side: int, seen: int) -> bool:
        """Take a seat; True if the wait is over already."""
        self.sides[side][seat] = seen
        ticket = handle._arm(side)
        return handle._passed(ticket, seen) or handle._passed(handle._arm_later(side, ticket), seen)

    def leave(self, seat: Seat) -> None:
        for side in self.sides:
            side.pop(seat, None)

    def look(self) -> None:
        """The bell has rung, or a minute has passed: arm again, and wake those whose wait is over."""
        handle = self.handle()
        if handle is None:
            return
        try:
            for side, seats in enumerate(self.sides):
                if seats:
                    self.serve(handle, side, seats)
        except (OSError, ValueError, WaitCancelled) as error:
            self.tell(error)

    def serve(self, handle: Handle, side: int, seats: dict[Seat, int]) -> None:
        ticket, passed = handle._arm(side), handle._passed
        while True:
            late = False
            for seat, seen in seats.items():
                if not passed(ticket, seen):
                    late = True
                elif not seat.done():
                    seat.set_result(True)
            if not late:
                return
            try:
                before, ticket = ticket, handle._arm_later(side, ticket)
            except OwnerDied as error:  # for those alone who still wait for him
                for seat, seen in seats.items():
                    if not passed(ticket, seen) and not seat.done():
                        seat.set_result(error)
                return
            if ticket == before:
                return

    def tell(self, result: bool | Exception) -> None:  # noqa: FBT001 - a seat's result
        for seat in self.seats():
            if not seat.done():
                seat.set_result(result)


class Hub:
    """One loop's epoll and its rooms. All but `poke` runs on the loop's own thread."""

    def __init__(self) -> None:
        self.epoll = select.epoll()
        self.poker = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self.epoll.register(self.poker, select.EPOLLIN)
        self.rooms: dict[int, Room] = {}
        self.calls: deque[tuple[Room, bool]] = deque()  # the room of a handle that was closed, else cancelled
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

    def enter(self, handle: Handle) -> Room:
        fd = handle._listen()
        room = self.rooms.get(fd)
        if room is not None and room.handle() is handle:
            return room
        if room is not None:  # a number that its dead object left behind
            self.forget(room)
        room = Room(handle, fd)
        self.epoll.register(fd, select.EPOLLIN | select.EPOLLET)
        self.rooms[fd] = room
        handle._bell = fd
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
        """Somebody poked: a handle was closed or cancelled, or the one who leads must reckon anew."""
        with contextlib.suppress(BlockingIOError):
            os.eventfd_read(self.poker)
        while self.calls:
            room, closed = self.calls.popleft()
            if closed:
                self.forget(room)
                room.tell(ValueError(f"{room.handle()!r} was closed while a task waited for it"))
            else:
                room.tell(True)  # they look again, and the look says that it was cancelled

    def is_awaited(self) -> bool:
        return any(room.count() for room in self.rooms.values())

    def look_at_names(self) -> None:
        """Once a minute, while somebody waits: a deleted file, or a deleted bell, can't ring."""
        self.looked = _core.now()
        for room in list(self.rooms.values()):
            handle = room.handle()
            if handle is None:
                self.forget(room)
            elif room.count():
                handle._check_name()
                self.listen_anew(room, handle)
                room.look()

    def listen_anew(self, room: Room, handle: Handle) -> None:
        with contextlib.suppress(OSError, ValueError):  # removed or closed: the look that follows tells
            fd = handle._listen()
            if fd != room.fd:
                self.forget(room)
                room.fd = handle._bell = fd
                self.epoll.register(fd, select.EPOLLIN | select.EPOLLET)
                self.rooms[fd] = room


_living: weakref.WeakSet[Hub] = weakref.WeakSet()
#: Around the books of hubs, which loops in several threads share.
_lock = threading.RLock()


def books() -> contextlib.AbstractContextManager[bool]:
    return _lock


def _rooms_of(handle: Handle) -> list[tuple[Hub, Room]]:
    with _lock:
        hubs = list(_living)
    found = ((hub, hub.rooms.get(handle._bell)) for hub in hubs)
    return [(hub, room) for hub, room in found if room is not None and room.handle() is handle]


def awaiting(handle: Handle) -> int:
    """How many tasks, on all loops of this process, wait on this handle, and how many wait for it among others."""
    among = sum(listener.waiting(handle) for listener in _listeners())
    return sum(room.count() for _, room in _rooms_of(handle)) + among


class Listener(Protocol):
    """What waits for a handle among others (`_wait_set`), and must hear of its end."""

    def waiting(self, handle: Handle) -> int: ...
    def told(self, handle: Handle, *, closed: bool) -> None: ...


_others: weakref.WeakSet[Listener] = weakref.WeakSet()


def watch(listener: Listener) -> None:
    with _lock:
        _others.add(listener)


def _listeners() -> list[Listener]:
    with _lock:
        return list(_others)


def _call(handle: Handle, *, closed: bool) -> None:
    for listener in _listeners():
        listener.told(handle, closed=closed)
    for hub, room in _rooms_of(handle):
        hub.calls.append((room, closed))
        hub.poke()


def closed(handle: Handle) -> None:
    """From any thread: the handle was closed, and those who wait on it must hear of it on their own loops."""
    _call(handle, closed=True)


def cancelled(handle: Handle) -> None:
    """From any thread: the handle was cancelled, and those who wait on it must look."""
    _call(handle, closed=False)


def after_fork_in_child() -> None:
    """A child that kept its parent's epoll would eat the parent's edges."""
    global _lock  # noqa: PLW0603 - it may have been held by a thread that is not here
    _lock = threading.RLock()
    for hub in list(_living):
        hub.give_back()
    _living.clear()
