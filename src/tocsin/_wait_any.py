"""wait_any, wait_all: one wait for many."""

from __future__ import annotations

from tocsin import _core
from tocsin._core import wait_any as wait_any  # noqa: PLC0414 - so that type checkers see it as exported here
from tocsin._wait_all import Together
from tocsin._wait_set import Waiting

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from tocsin._ready import Member


class Arguments(Waiting):
    """The arguments of a `wait_any`, kept for the next call with the same ones: a loop around it costs by what rings.

    It holds its objects weakly, so that nothing lives longer than its program wants; when one of them goes, or is
    closed, it is `spoilt`. Descriptors of others may be closed and be others' by the next call, so with these it is
    made anew.
    """

    def __init__(self, objs: tuple[Any, ...], tickets: list[int] | None = None) -> None:
        self.spoilt: list[object] = []  # who has gone, or was closed. Not a bool: it is a callback that knows no set
        super().__init__(weak=self.spoilt.append)
        self.places: dict[int, list[int]] = {}
        try:
            with self._ears.lock:
                # First all tickets: what pulses while the others are entered comes after the start.
                if tickets is None:
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
        with self._ears.lock:
            if self._ears.told(handle, closed=closed):
                self.spoilt.append(None)

    def _answer(self, found: list[Member]) -> list[Any]:
        if len(found) == 1 and len(self.places[found[0].key]) == 1:
            return [found[0].get()]
        rows = sorted((place, one.get()) for one in found for place in self.places[one.key])
        return [thing for _, thing in rows]


def _take(objs: tuple[Any, ...], until: int) -> tuple[_core.Same, bool]:
    """The set of the last call of this thread, if it was for the same; and is it one that exists since before?"""
    if not objs and until < 0:
        raise ValueError("wait_any() has nothing to wait for, and no timeout: it would never return")
    slot = _core.slot()
    if slot.kept is not None and slot.kept.are(objs):
        found, slot.kept = slot.kept, None  # a handler, or another task, that waits meanwhile needs one of its own
        return found, True
    return _core.Same(objs, Arguments(objs)), False


def _give(used: _core.Same) -> None:
    slot = _core.slot()
    out: _core.Same | None = used
    if used.owner.lasting and not used.owner.spoilt:
        out, slot.kept = slot.kept, used
    if out is not None:
        out.owner.close()


def _wait_slowly(objs: tuple[Any, ...], until: int, found: _core.Same | None, anew: bool) -> list[Any]:  # noqa: FBT001
    """`wait_any`, where the binding's own look doesn't answer: the first time, and when more than bells ring."""
    if found is None:
        found, anew = _take(objs, until)
    try:
        waiting: Arguments = found.owner
        return waiting._wait(until, "wait_any_async", anew=anew)
    finally:
        _give(found)


_core.use_any(_wait_slowly)


async def wait_any_async(*objs: Any, timeout: float | None = None) -> list[Any]:
    """`wait_any`, on asyncio, uvloop and trio. Safe to cancel; no thread is used, and none is left behind."""
    until = _core.deadline(timeout)
    if any(isinstance(obj, _core.Object) and obj.is_far for obj in objs):
        return await _wait_far(objs, until)
    found, again = _take(objs, until)
    try:
        waiting: Arguments = found.owner
        return await waiting._wait_async(until, anew=again)
    finally:
        _give(found)


async def _wait_far(objs: tuple[Any, ...], until: int) -> list[Any]:
    """Where a server has to be asked how far things are, which must not stop the loop. It counts from the answer on."""
    tickets = []
    for obj in objs:
        if isinstance(obj, _core.Object):
            far: Any = obj
            tickets.append(await far._ticket_async(until) if far.is_far else far._ticket())
        else:
            tickets.append(0)
    waiting = Arguments(objs, tickets)
    try:
        return await waiting._wait_async(until)
    finally:
        waiting.close()


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
