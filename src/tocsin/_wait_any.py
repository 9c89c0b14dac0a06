"""wait_any, wait_all: one wait for many."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from tocsin import _core
from tocsin._wait_all import Together
from tocsin._wait_set import Waiting

if TYPE_CHECKING:
    from tocsin._ready import Member


class Arguments(Waiting):
    """The arguments of a `wait_any`, kept for the next call with the same ones: a loop around it costs by what rings.

    It holds its objects weakly, so that nothing lives longer than its program wants; when one of them goes, or is
    closed, it is `spoilt`. Descriptors of others may be closed and be others' by the next call, so with these it is
    made anew.
    """

    def __init__(self, objs: tuple[Any, ...]) -> None:
        self.spoilt: list[object] = []  # who has gone, or was closed. Not a bool: it is a callback that knows no set
        super().__init__(weak=self.spoilt.append)
        self.same = _core.Same(objs)
        self.places: dict[int, list[int]] = {}
        try:
            with self._lock:
                # First all tickets: what pulses while the others are entered comes after the start.
                tickets = [obj._ticket() if isinstance(obj, _core.Object) else 0 for obj in objs]
                for place, (thing, seen) in enumerate(zip(objs, tickets, strict=True)):
                    self._add(thing, place, seen)
        except BaseException:
            self.close()
            raise
        self.lasting = not self._ears.strangers

    def _add(self, thing: Any, place: int, seen: int) -> None:
        key = ~thing if type(thing) is int else id(thing)
        if key not in self.places:
            self._enter(thing, f"argument {place + 1}", seen)
            self.places[key] = []
        self.places[key].append(place)

    def told(self, handle: Any, *, closed: bool) -> None:
        with self._lock:
            if self._ears.told(handle, closed=closed):
                self.spoilt.append(None)

    def _answer(self, found: list[Member]) -> list[Any]:
        if len(found) == 1 and len(self.places[found[0].key]) == 1:
            return [found[0].get()]
        rows = sorted((place, one.get()) for one in found for place in self.places[one.key])
        return [thing for _, thing in rows]


_last = threading.local()


def _take(objs: tuple[Any, ...], until: int) -> tuple[Arguments, bool]:
    """The set of the last call of this thread, if it was for the same; and is it one that exists since before?"""
    if not objs and until < 0:
        raise ValueError("wait_any() has nothing to wait for, and no timeout: it would never return")
    found: Arguments | None = getattr(_last, "set", None)
    if found is not None and not found.spoilt and found.same.are(objs):
        _last.set = None  # a handler, or another task, that waits meanwhile needs one of its own
        if not found._forked:
            return found, True
    return Arguments(objs), False


def _give(found: Arguments) -> None:
    old: Arguments | None = getattr(_last, "set", None)
    if found.lasting and not found.spoilt:
        _last.set = found
        found = old if old is not None else found
        if old is None:
            return
    found.close()


def wait_any(*objs: Any, timeout: float | None = None) -> list[Any]:
    """Wait until one of `objs` is ready: those that are, in the order of the arguments. [] after `timeout` seconds.

    `objs` are tocsin objects of every kind, named or anonymous, in any mix with sockets, pipes, connections and
    whatever else has a ``fileno()``, and with descriptors (an int: a pidfd, the sentinel of a process). Ready is: an
    event that is set, or was after the start of the call (a pulse counts); a signal or value that this handle hasn't
    had; a queue with an item, or shut down; a lock that is free; a descriptor that can be read. What was removed or
    cancelled, and an event whose owner died, is ready as well: its own next call tells. An object that is given twice
    is in the answer twice.

    The race it removes: nothing is consumed, so nothing is lost for those who were not looked at; and who was faster is
    told by each object's own call, with a timeout of 0.

    Unlike ``multiprocessing.connection.wait`` it takes its objects one by one and not as a list, and it knows events.
    None and inf wait for ever; 0 or less looks once. Waiting again for the same objects costs far less than the first
    time; for many that come and go there is `WaitSet`.

    Raises:
        TypeError: what nobody can wait for; it names the argument. ValueError: one that is closed, a plain file, or
        nothing to wait for at all and no timeout. OSError: no descriptor is left.
    """
    until = _core.deadline(timeout)
    found, again = _take(objs, until)
    try:
        return found._wait(until, "wait_any_async", anew=again)
    finally:
        _give(found)


async def wait_any_async(*objs: Any, timeout: float | None = None) -> list[Any]:
    """`wait_any`, on asyncio, uvloop and trio. Safe to cancel; no thread is used, and none is left behind."""
    until = _core.deadline(timeout)
    found, again = _take(objs, until)
    try:
        return await found._wait_async(until, anew=again)
    finally:
        _give(found)


def wait_all(*objs: Any, timeout: float | None = None) -> bool:
    """Wait until all of `objs` are ready at the same time: True. False after `timeout` seconds.

    For what may be given, and what ready means, see `wait_any`; here it is the present state that counts, and a pulse
    doesn't. True says that there was an instant during the call at which all were ready; by the return one may have
    changed.

    The race it removes: waiting for one after the other finds each of them ready once, and perhaps never all. A look
    that finds all ready is therefore followed by a second one, which must find them unchanged. Descriptors of others
    do not tell whether they changed in between: of these it is known that they were ready at both looks.

    Of no objects all are ready. Raises as `wait_any`.
    """
    together = Together(objs)
    try:
        return together.wait(_core.deadline(timeout))
    finally:
        together.close()


async def wait_all_async(*objs: Any, timeout: float | None = None) -> bool:
    """`wait_all`, on asyncio, uvloop and trio. Safe to cancel."""
    together = Together(objs)
    try:
        return await together.wait_async(_core.deadline(timeout))
    finally:
        together.close()
