"""Where callbacks run: a loop of asyncio or uvloop, a run of trio, or nowhere yet. (A thread: `_bus_dispatcher`.)

A place has one queue of receivers that have something to do, and at most one call to itself under way: however many
emits come from other threads meanwhile, the loop is woken once. Receivers stand in the queue once per emit, so on one
loop callbacks run in the order of emits, whoever they are for.
"""

from __future__ import annotations

import asyncio
import contextvars
import os
import sys
import threading
import weakref
from collections import deque
from itertools import repeat
from typing import TYPE_CHECKING, Any, Protocol

from tocsin._bus_backlog import Flag
from tocsin._bus_meeting import here
from tocsin._fork import forget_in_child

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from trio.lowlevel import TrioToken

    from tocsin._bus_handler import BusHandler
    from tocsin._bus_meeting import Loop

#: How many receivers are served in one turn of a loop, so that its other callbacks, and its sockets, have theirs.
TURN = 512


class Receiver(Protocol):
    """What stands in a place's queue."""

    def step(self) -> None:
        """Do what one emit asks for, on the place's own thread. Errors are the receiver's business."""

    def bury(self, why: str) -> None:
        """The place is gone, and `why`: say what will not be done."""


class Place:
    """The queue and the one call. `called` is a flag: who raises it has to call."""

    def __init__(self) -> None:
        self.ready: deque[Receiver] = deque()
        self.called: Flag = Flag()

    def post(self, receiver: Receiver) -> bool:
        """From any thread: have it served. False: there is no one to serve it, and it has been buried."""
        self.ready.append(receiver)
        return self.call() if self.called.up() else True

    def post_many(self, receiver: BusHandler, count: int) -> bool:
        """Have one receiver served so many times."""
        self.ready.extend(repeat(receiver, count))
        return self.call() if self.called.up() else True

    def call(self) -> bool:
        """Have `turn` run on the place's thread; `called` is the caller's."""
        raise NotImplementedError

    def turn(self) -> None:
        # First the flag, then the look: whoever posts in between calls again.
        self.called.down()
        self.serve()

    def serve(self) -> None:
        ready = self.ready
        try:
            for _ in range(min(len(ready), TURN)):
                try:
                    receiver = ready.popleft()
                except IndexError:
                    return
                receiver.step()
        finally:
            if ready and self.called.up():
                self.call()

    def bury(self, why: str) -> None:
        while self.ready:
            try:
                receiver = self.ready.popleft()
            except IndexError:
                return
            receiver.bury(why)

    def is_closed(self) -> bool:
        return False

    def is_here(self) -> bool:
        """Does the calling thread serve this place? Then it must not wait for it."""
        return False

    def spawn(self, main: Callable[[], Coroutine[Any, Any, None]], context: contextvars.Context) -> None:
        """Run a coroutine, on the place's own thread."""
        raise NotImplementedError

    def is_ended(self, error: BaseException) -> bool:
        """Was this task told to end? (Otherwise a callback let a cancellation of something else through.)"""
        return not isinstance(error, Exception)

    def tell(self, message: str, error: BaseException, source: object) -> None:
        """Report what nobody else will."""
        report(message, error, source)

    def renew(self) -> None:
        """After fork, in the child."""
        self.ready.clear()
        self.called = Flag()


def report(message: str, error: BaseException, source: object) -> None:
    """As asyncio does where there is no loop to ask: a line and a traceback, in the log or on standard error."""
    import logging

    logging.getLogger("tocsin.bus").error("%s\nhandler: %r", message, source, exc_info=error)


class LoopPlace(Place):
    """A loop of asyncio, or any that has its interface."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self.loop = loop
        self.tasks: set[asyncio.Task[None]] = set()
        self.pid = os.getpid()
        # A turn must not run in the variables of whichever emit happened to call for it.
        self.context = contextvars.Context()

    def call(self) -> bool:
        loop = self.loop
        turn = _Turn(self)
        try:
            if asyncio._get_running_loop() is loop:
                loop.call_soon(turn, context=self.context)
                return True
            if self.pid == os.getpid():
                loop.call_soon_threadsafe(turn, context=self.context)
                return True
            why = "its loop runs in the parent process"
        except RuntimeError:
            if not loop.is_closed():  # pragma: no cover - a loop of somebody's own that refuses for its own reasons
                raise
            why = "its loop is closed"
        turn.place = None
        self.called.down()
        self.bury(why)
        return False

    def lost(self) -> None:
        """The loop was closed, or collected, with our call in it."""
        self.called.down()
        self.bury("its loop was closed before it came to it")

    def is_closed(self) -> bool:
        return self.loop.is_closed()

    def is_here(self) -> bool:
        return asyncio._get_running_loop() is self.loop

    def spawn(self, main: Callable[[], Coroutine[Any, Any, None]], context: contextvars.Context) -> None:
        task = self.loop.create_task(main(), context=context)
        self.tasks.add(task)  # the loop itself would let it go in mid-air
        task.add_done_callback(self.tasks.discard)

    def is_ended(self, error: BaseException) -> bool:
        if isinstance(error, asyncio.CancelledError):
            task = asyncio.current_task()
            return task is None or task.cancelling() > 0
        return not isinstance(error, Exception)

    def tell(self, message: str, error: BaseException, source: object) -> None:
        if self.is_here():
            self.loop.call_exception_handler({"message": message, "exception": error, "handler": source})
        else:
            report(message, error, source)

    def renew(self) -> None:
        super().renew()
        self.tasks = set()
        self.context = contextvars.Context()
        if not self.loop.is_running():  # one that nobody had started may run here
            self.pid = os.getpid()


class _Turn:
    """A call of a place that is under way in a loop. A loop that is closed drops it, and then it says so."""

    __slots__ = ("place",)

    def __init__(self, place: LoopPlace) -> None:
        self.place: LoopPlace | None = place

    def __call__(self) -> None:
        place, self.place = self.place, None
        if place is not None:
            place.turn()

    def __del__(self) -> None:
        place, self.place = self.place, None
        if place is not None and place.pid == os.getpid():
            place.lost()


class TrioPlace(Place):
    """A run of trio, by its token."""

    def __init__(self, token: TrioToken) -> None:
        super().__init__()
        self.loop = token
        self.pid = os.getpid()
        self.over = False

    def call(self) -> bool:
        import trio

        why = "its loop runs in the parent process"
        try:
            if self.pid == os.getpid():
                self.loop.run_sync_soon(self.turn)
                return True
        except trio.RunFinishedError:
            self.over = True
            why = "its run of trio is over"
        self.called.down()
        self.bury(why)
        return False

    def is_closed(self) -> bool:
        return self.over

    def is_here(self) -> bool:
        return here() is self.loop

    def spawn(self, main: Callable[[], Coroutine[Any, Any, None]], context: contextvars.Context) -> None:
        import trio

        trio.lowlevel.spawn_system_task(main, context=context)


class Nowhere(Place):
    """Until a loop comes that can run a coroutine: what is posted is kept, and handed to the heir."""

    def __init__(self) -> None:
        super().__init__()
        self.heir: Place | None = None

    def call(self) -> bool:
        # No turn is under way, so every post comes here; and so whoever posts too late sees the heir.
        self.called.down()
        self.hand_over()
        return True

    def hand_over(self) -> None:
        while self.heir is not None and self.ready:
            try:
                self.heir.post(self.ready.popleft())
            except IndexError:
                return


_places: weakref.WeakValueDictionary[int, LoopPlace | TrioPlace] = weakref.WeakValueDictionary()
_books = threading.RLock()


def place_of(loop: Loop) -> LoopPlace | TrioPlace:
    """The place of a loop, the same one for every bus. TypeError for what is no loop, RuntimeError for a closed one."""
    trio = sys.modules.get("trio")
    is_trio = trio is not None and isinstance(loop, trio.lowlevel.TrioToken)
    if not is_trio:
        # anyio's token of a loop holds the loop's own
        native = getattr(loop, "native_token", None)
        if native is not None:
            return place_of(native)
        if not callable(getattr(loop, "call_soon_threadsafe", None)):
            raise TypeError(f"loop={loop!r} is neither a loop of asyncio's kind nor a trio.lowlevel.TrioToken")
        if loop.is_closed():  # type: ignore[union-attr]
            raise RuntimeError(f"{loop!r} is closed: nothing can run there any more")
    with _books:
        place = _places.get(id(loop))  # a place holds its loop, so while it lives the number is nobody else's
        if place is None:
            place = TrioPlace(loop) if is_trio else LoopPlace(loop)  # type: ignore[arg-type]
            _places[id(loop)] = place
        return place


def _after_fork_in_child() -> None:
    global _books  # noqa: PLW0603 - it may have been held by a thread that is not here
    _books = threading.RLock()
    for place in list(_places.values()):
        place.renew()


forget_in_child(_after_fork_in_child)
