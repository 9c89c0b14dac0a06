"""The thread of callbacks that have no loop, and of timers. One per process, and only while there is something to do.

It is started by the first thing to do, waits a second for more (or for its next timer), and ends. It hinders no exit:
the interpreter lets it finish what was emitted before, as far as that moves on; timers that are not due are dropped.
"""

from __future__ import annotations

import atexit
import contextlib
import heapq
import itertools
import sys
import threading
from collections import deque
from typing import TYPE_CHECKING, Protocol

from tocsin import _core
from tocsin._bus_place import Place
from tocsin._fork import forget_in_child

if TYPE_CHECKING:
    from collections.abc import Callable

    from tocsin._bus_handler import BusHandler

#: How long it waits for more, in seconds; and how long an exit waits for one callback.
LINGER = 1.0
#: With so many timers, look for the first time which of them were cancelled.
PURGE = 64


class Leader(Protocol):
    """A reader of a bus with a name (`_bus_reader`), that stands by."""

    gate: threading.Lock

    def lead(self) -> bool:
        """Read for it, and offer what there is. False: nothing is there."""


class Timer:
    """An emit that is to come. `cancel()` stops it, if it was not faster."""

    __slots__ = ("__weakref__", "_dispatcher", "_due", "_fire")

    def __init__(self, dispatcher: Dispatcher, due: int, fire: Callable[[], None]) -> None:
        self._dispatcher = dispatcher
        self._due = due
        self._fire: list[Callable[[], None]] = [fire]  # whoever pops it has it, and nobody else

    def cancel(self) -> bool:
        """Don't emit. False: it has been emitted, or cancelled, before. From any thread."""
        try:
            self._fire.pop()
        except IndexError:
            return False
        self._dispatcher.rouse()  # it may have nothing to wait for any more
        return True

    @property
    def pending(self) -> bool:
        """Is it still to come?"""
        return bool(self._fire)

    def fire(self) -> None:
        try:
            fire = self._fire.pop()
        except IndexError:
            return
        fire()

    def __repr__(self) -> str:
        left = (self._due - _core.now()) / 1e9
        return f"<tocsin bus timer: {f'in {left:.3f} s' if self.pending else 'over'}>"


class Run:
    """So many emits in a row that one handler has to hear: they are served in one go."""

    __slots__ = ("handler", "left")

    def __init__(self, handler: BusHandler, left: int) -> None:
        self.handler: BusHandler = handler
        self.left: int = left

    def step(self) -> None:
        dispatcher.run_under_way = self
        try:
            self.handler.serve(self)
        finally:
            dispatcher.run_under_way = None
            if self.left:  # the callback tried to end the thread: the others go on
                dispatcher.ready.appendleft(self)

    def bury(self, why: str) -> None:
        self.handler.bury(why)


class Dispatcher(Place):
    def __init__(self) -> None:
        super().__init__()
        self.timers: list[tuple[int, int, Timer]] = []
        self.numbers: itertools.count[int] = itertools.count()
        self.books: threading.RLock = threading.RLock()  # timers, and whether there is a thread
        self.bell: threading.Lock = threading.Lock()  # taken; a release rings it, and a second one changes nothing
        self.bell.acquire()
        self.thread: threading.Thread | None = None
        self.turns: int = 0
        self.run_under_way: Run | None = None
        self.readers: deque[Leader] = deque()  # those who stand by while this thread reads for them
        self.asleep: bool = True
        self.ends: int = 0  # how often it has come to the end of what it had to do
        self.purge: int = PURGE

    def call(self) -> bool:
        self.asleep = False
        self.rouse()
        return True

    def post_many(self, receiver: BusHandler, count: int) -> bool:
        return self.post(Run(receiver, count))

    def rouse(self) -> None:
        with self.books:
            if self.thread is None:
                self.thread = threading.Thread(target=self.run, name="tocsin bus", daemon=True)
                self.thread.start()
                return
        with contextlib.suppress(RuntimeError):  # it has been rung and not been heard yet
            self.bell.release()

    def at(self, due: int, fire: Callable[[], None]) -> Timer:
        timer = Timer(self, due, fire)
        with self.books:
            if len(self.timers) >= self.purge:  # mostly cancelled ones, perhaps
                self.timers = [entry for entry in self.timers if entry[2].pending]
                heapq.heapify(self.timers)
                self.purge = max(PURGE, 2 * len(self.timers))
            heapq.heappush(self.timers, (due, next(self.numbers), timer))
        self.rouse()
        return timer

    def lead(self) -> bool:
        """Nothing is to be done: read for those who stand by. False: nothing is there; they go and wait for it."""
        self.ends += 1
        self.asleep = True
        for _ in range(len(self.readers)):
            try:
                reader = self.readers.popleft()
            except IndexError:  # it has just gone to read itself
                break
            if reader.lead():
                self.asleep = False
                self.readers.append(reader)
            else:
                reader.gate.release()
        return not self.asleep

    def is_here(self) -> bool:
        return threading.current_thread() is self.thread

    def run(self) -> None:
        while True:
            self.asleep = False
            self.called.down()
            try:
                self.serve()
            except BaseException as error:  # noqa: BLE001 - SystemExit, too: others share the thread
                self.tell("a bus callback tried to end the dispatcher's thread", error, None)
            self.turns += 1
            due = self.fire()
            if self.ready or self.lead():
                continue
            left = LINGER if due < 0 else max(0.0, (due - _core.now()) / 1e9)
            if not self.bell.acquire(timeout=min(left, threading.TIMEOUT_MAX)) and due < 0:
                with self.books:
                    if not self.ready and not self.timers and not self.called.is_up:
                        self.thread = None
                        return

    def fire(self) -> int:
        """Fire what is due; when the next is, -1 for none."""
        while True:
            with self.books:
                while self.timers and not self.timers[0][2].pending:
                    heapq.heappop(self.timers)
                if not self.timers:
                    return -1
                due = self.timers[0][0]
                if due > _core.now():
                    return due
                timer = heapq.heappop(self.timers)[2]
            timer.fire()

    def finish(self) -> None:
        """At exit: let it come to the end of what was emitted, unless one callback takes too long."""
        if self.thread is None or self.is_here():
            return
        gate = _Gate()
        self.post(gate)
        while True:
            before = self.turns, self.left()
            if gate.passed.acquire(timeout=LINGER):
                return
            if before == (self.turns, self.left()):
                sys.stderr.write("tocsin: a bus callback is still running at exit; what was behind it is not run\n")
                return

    def left(self) -> int:
        """How many calls are to be made before it comes to what was posted last."""
        run = self.run_under_way
        return (0 if run is None else run.left) + sum(getattr(receiver, "left", 1) for receiver in list(self.ready))

    def renew(self) -> None:
        self.__init__()  # type: ignore[misc]  # the child has none of the parent's threads, and none of its timers


class _Gate:
    """Stands behind what was posted before it."""

    def __init__(self) -> None:
        self.passed = threading.Lock()
        self.passed.acquire()

    def step(self) -> None:
        self.passed.release()

    def bury(self, why: str) -> None:
        """Nobody misses it."""


dispatcher = Dispatcher()
atexit.register(dispatcher.finish)
forget_in_child(dispatcher.renew)
