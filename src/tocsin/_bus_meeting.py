"""A meeting of one thing with one who waits for it: on a thread, or in a task of any loop.

Whoever comes first leaves a note: the thing, or a way to be woken. `dict.setdefault` decides who that was; it is one
step in every build of Python, with the GIL and without.
"""

from __future__ import annotations

import math
import sys
import threading
from typing import TYPE_CHECKING, Any

from tocsin import _core

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, Future
    from collections.abc import Callable

    from trio.lowlevel import TrioToken

    from tocsin._bus_lookout import Lookout

    Loop = AbstractEventLoop | TrioToken

_NOTE, _THING = 0, 1
_LATE = object()


class Meeting:
    """`give` once, from any thread; one waits, once, with a deadline in ns (-1: none). `thing` is what was given."""

    __slots__ = ("_book",)

    def __init__(self) -> None:
        self._book: dict[int, Any] = {}

    def give(self, thing: object) -> bool:
        """False: it is too late, nobody waits any more. Never blocks."""
        note = self._book.setdefault(_NOTE, thing)
        if note is not thing:  # somebody waits, and this is how he is woken
            if self._book.setdefault(_THING, thing) is not thing:
                return False
            note()
        return True

    @property
    def thing(self) -> Any:
        return self._book.get(_THING)

    def _came_late(self, wake: Callable[[], object]) -> bool:
        """Leave the note; True if the thing is there already."""
        note = self._book.setdefault(_NOTE, wake)
        if note is not wake:
            self._book[_THING] = note
            return True
        return False

    def wait(self, until: int, lookout: Lookout | None = None) -> bool:
        """True: it was given. False: the deadline has passed."""
        if lookout is not None:
            return self._wait_out(until, lookout)
        gate = threading.Lock()
        gate.acquire()
        if self._came_late(gate.release):
            return True
        return gate.acquire(timeout=lock_timeout(until)) or self._came_after_all()

    def _wait_out(self, until: int, lookout: Lookout) -> bool:
        """The same by one who sees it come."""
        if self._came_late(lookout.call):
            return True
        thing = lookout.look(until)
        if thing is not None:
            self._book[_THING] = thing  # it has the claim, so nobody else gives
            return True
        return lookout.await_call(lock_timeout(until)) or self._came_after_all()

    def _came_after_all(self) -> bool:
        """At the deadline: either it came first, or whoever gives now is told that it is too late."""
        return self._book.setdefault(_THING, _LATE) is not _LATE

    async def wait_async(self, until: int) -> bool:
        """The same in a task of asyncio, uvloop or trio. Safe to cancel."""
        if in_trio():
            await self._wait_trio(until)
        else:
            await self._wait_asyncio(until)
        return self._came_after_all()

    async def _wait_asyncio(self, until: int) -> None:
        import asyncio

        loop = asyncio.get_running_loop()
        told: Future[None] = loop.create_future()

        def wake() -> None:
            if asyncio._get_running_loop() is loop:
                _tell(told)
            else:
                try:
                    loop.call_soon_threadsafe(_tell, told)
                except RuntimeError:  # the loop was closed, and its tasks with it
                    return

        if self._came_late(wake):
            return
        timer = None if until < 0 else loop.call_later(seconds(until), _tell, told)
        try:
            await told
        finally:
            if timer is not None:
                timer.cancel()

    async def _wait_trio(self, until: int) -> None:
        import trio

        token = trio.lowlevel.current_trio_token()
        told = trio.Event()

        def wake() -> None:
            if here() is token:
                told.set()
            else:
                try:
                    token.run_sync_soon(told.set)
                except trio.RunFinishedError:
                    return

        if self._came_late(wake):
            await trio.lowlevel.checkpoint()
            return
        with trio.move_on_after(seconds(until)):
            await told.wait()


def _tell(told: Future[None]) -> None:
    if not told.done():
        told.set_result(None)


def seconds(until: int) -> float:
    """From now to a deadline in ns; -1 is none."""
    return math.inf if until < 0 else max(0.0, (until - _core.now()) / 1e9)


def lock_timeout(until: int) -> float:
    """The same as locks take it."""
    return -1 if until < 0 else min(seconds(until), threading.TIMEOUT_MAX)


def in_trio() -> bool:
    trio = sys.modules.get("trio")
    return trio is not None and bool(trio.lowlevel.in_trio_task())


def here() -> Loop | None:
    """The loop that runs on this thread: asyncio's, or trio's token. Imports neither."""
    trio = sys.modules.get("trio")
    if trio is not None and trio.lowlevel.in_trio_run() and in_trio():
        return trio.lowlevel.current_trio_token()  # type: ignore[no-any-return]
    events = sys.modules.get("asyncio.events")
    running = None if events is None else events._get_running_loop()
    if running is None and trio is not None and trio.lowlevel.in_trio_run():
        return trio.lowlevel.current_trio_token()  # type: ignore[no-any-return]
    return running
