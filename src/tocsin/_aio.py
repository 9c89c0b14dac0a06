"""Waiting in event loops: what drives a hub (`_hub`) on each of them.

asyncio and uvloop watch the hub by `add_reader`, which costs one callback per wake. On every other loop (trio),
anyio waits for it: one of the waiting tasks leads, waits for the hub on behalf of all and hands over when it
leaves, so that no task of ours runs in the background and cancelling is only a task's own affair.
"""

from __future__ import annotations

import asyncio
import os
import weakref
from typing import TYPE_CHECKING, Self

import anyio
import anyio.lowlevel
import sniffio

from tocsin import _core
from tocsin._fork import forget_in_child
from tocsin._hub import LOOK_NS, Hub, after_fork_in_child, books

if TYPE_CHECKING:
    from tocsin._object import Handle

_asyncio_hubs: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _AsyncioHub] = weakref.WeakKeyDictionary()
_anyio_hubs: weakref.WeakKeyDictionary[object, _AnyioHub] = weakref.WeakKeyDictionary()


def _after_fork() -> None:
    after_fork_in_child()
    _asyncio_hubs.clear()
    _anyio_hubs.clear()


forget_in_child(_after_fork)


async def wait_change(handle: Handle, side: int, seen: int, until: int) -> bool:
    """Until the ticket of that side has passed `seen`: True; False at the deadline `until` (ns, -1 never).

    True means: look again. A handle that is cancelled meanwhile gives True or WaitCancelled, one that is closed
    ValueError. Whoever looks takes the ticket first, so that a change between the look and the wait ends the wait.
    """
    if sniffio.current_async_library() == "asyncio":
        return await _wait_asyncio(handle, side, seen, until)
    return await _wait_anyio(handle, side, seen, until)


async def pause(seconds: float) -> None:
    """For what has no bell: a lock that a stopped process holds."""
    await anyio.sleep(seconds)


async def until_ready(fd: int, seconds: float, *, writing: bool = False) -> None:
    """Until a descriptor that this task alone waits for can be read (or written to), at most so long."""
    if sniffio.current_async_library() != "asyncio":
        with anyio.move_on_after(seconds):
            await (anyio.wait_writable(fd) if writing else anyio.wait_readable(fd))
        return
    loop = asyncio.get_running_loop()
    seat: asyncio.Future[bool | Exception] = loop.create_future()
    add, remove = (loop.add_writer, loop.remove_writer) if writing else (loop.add_reader, loop.remove_reader)
    add(fd, _too_late, seat)
    timer = loop.call_later(seconds, _too_late, seat)
    try:
        await seat
    finally:
        timer.cancel()
        remove(fd)


class Turns:
    """So many tasks of a loop at a time, each loop for itself; the others stand in line."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._of: weakref.WeakKeyDictionary[object, anyio.Semaphore] = weakref.WeakKeyDictionary()

    async def acquire(self, seconds: float) -> anyio.Semaphore | None:
        """A turn, to be released by the same task; None: it did not come in time."""
        token = anyio.lowlevel.current_token()
        token = getattr(token, "native_token", token)  # anyio wraps the loop's own lasting token anew in each call
        turn = self._of.get(token)
        if turn is None:
            turn = self._of[token] = anyio.Semaphore(self._count)
        with anyio.move_on_after(seconds):
            await turn.acquire()
            return turn
        return None


class Readable:
    """A descriptor that somebody else has, and perhaps several tasks and loops: so it is watched by a copy."""

    def __init__(self, fd: int) -> None:
        self._fd = os.dup(fd)
        self._loop = asyncio.get_running_loop() if sniffio.current_async_library() == "asyncio" else None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._fd)

    async def wait(self, seconds: float) -> None:
        """Until it is readable, at most so long."""
        if self._loop is None:
            with anyio.move_on_after(seconds):
                await anyio.wait_readable(self._fd)
            return
        seat: asyncio.Future[bool | Exception] = self._loop.create_future()
        self._loop.add_reader(self._fd, _too_late, seat)
        timer = self._loop.call_later(seconds, _too_late, seat)
        try:
            await seat
        finally:
            timer.cancel()
            self._loop.remove_reader(self._fd)


def _seconds(until: int, now: int) -> float:
    return float("inf") if until < 0 else max(0.0, (until - now) / 1e9)


def _answer(result: bool | Exception) -> bool:  # noqa: FBT001 - a seat's result
    if isinstance(result, Exception):
        raise result
    return result


# -- asyncio and uvloop


class _AsyncioHub(Hub):
    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self.timer: asyncio.TimerHandle | None = None
        loop.add_reader(self.epoll.fileno(), self.dispatch)

    def watch_names(self, loop: asyncio.AbstractEventLoop) -> None:
        if self.timer is None:
            self.timer = loop.call_later(LOOK_NS / 1e9, self.minute, weakref.ref(loop))

    def minute(self, loop: weakref.ref[asyncio.AbstractEventLoop]) -> None:
        self.timer = None
        self.look_at_names()
        alive = loop()
        if alive is not None and self.is_awaited():
            self.watch_names(alive)


def _give_back_closed() -> None:
    """A program of many short loops must not wait for the garbage collector to get its descriptors back."""
    for loop, hub in list(_asyncio_hubs.items()):
        if loop.is_closed():
            del _asyncio_hubs[loop]
            hub.give_back()


def _too_late(seat: asyncio.Future[bool | Exception]) -> None:
    if not seat.done():
        seat.set_result(False)


async def _wait_asyncio(handle: Handle, side: int, seen: int, until: int) -> bool:
    loop = asyncio.get_running_loop()
    hub = _asyncio_hubs.get(loop)
    if hub is None:
        with books():
            _give_back_closed()
            hub = _asyncio_hubs[loop] = _AsyncioHub(loop)
    room = hub.enter(handle)
    seat: asyncio.Future[bool | Exception] = loop.create_future()
    young = handle._look_again()  # before the arming: the bell's age counts up to it
    timers: list[asyncio.TimerHandle] = []
    try:
        if room.sit(handle, seat, side, seen):
            return True
        if until >= 0:
            timers.append(loop.call_later(_seconds(until, _core.now()), _too_late, seat))
        if young:
            timers.append(loop.call_later(young / 1e9, room.look))
        hub.watch_names(loop)
        # A change at the very end counts.
        return _answer(await seat) or handle._passed(handle._arm(side), seen)
    finally:
        room.leave(seat)
        for timer in timers:
            timer.cancel()


# -- every other loop, by anyio


class _Seat:
    """A future in terms of anyio: what it was told, and a call to wake up, perhaps only in order to lead."""

    __slots__ = ("__weakref__", "call", "result")

    def __init__(self) -> None:
        self.result: bool | Exception | None = None
        self.call = anyio.Event()

    def done(self) -> bool:
        return self.result is not None

    def set_result(self, result: bool | Exception, /) -> None:  # noqa: FBT001 - as asyncio.Future
        self.result = result
        self.call.set()


class _AnyioHub(Hub):
    def __init__(self) -> None:
        super().__init__()
        self.lead: _Seat | None = None

    async def follow(self, seat: _Seat, until: int) -> None:
        """Until the seat's wait is over; somebody among those who wait leads."""
        while not seat.done() and (until < 0 or _core.now() < until):
            if self.lead is None:
                await self.lead_once(seat, until)
            else:
                with anyio.move_on_after(_seconds(until, _core.now())):
                    await seat.call.wait()
                if not seat.done() and seat.call.is_set():  # called to lead
                    seat.call = anyio.Event()

    async def lead_once(self, seat: _Seat, until: int) -> None:
        self.lead = seat
        try:
            now = _core.now()
            looks = [room.second_look for room in self.rooms.values() if room.second_look]
            next_look = min([self.looked + LOOK_NS, *looks])
            with anyio.move_on_after(min(_seconds(until, now), max(0.0, (next_look - now) / 1e9))):
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
                for seat in room.seats():
                    if isinstance(seat, _Seat) and not seat.done():
                        seat.call.set()
                        return


async def _wait_anyio(handle: Handle, side: int, seen: int, until: int) -> bool:
    token = anyio.lowlevel.current_token()
    token = getattr(token, "native_token", token)  # anyio wraps the loop's own lasting token anew in each call
    hub = _anyio_hubs.get(token)
    if hub is None:
        with books():
            hub = _anyio_hubs[token] = _AnyioHub()
    room = hub.enter(handle)
    seat = _Seat()
    if young := handle._look_again():  # before the arming, as above
        room.second_look = _core.now() + young
        hub.poke()  # whoever leads has not reckoned with it
    try:
        if room.sit(handle, seat, side, seen):
            await anyio.lowlevel.checkpoint()
            return True
        await hub.follow(seat, until)
        return _answer(seat.result or False) or handle._passed(handle._arm(side), seen)
    finally:
        # Also when this task was called to lead and cancelled in the same instant.
        room.leave(seat)
        hub.call_next()
