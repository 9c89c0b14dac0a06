"""WaitSet: a lasting set of things to wait for, of which each wake costs the same, however many there are."""

from __future__ import annotations

import threading
import weakref

from tocsin import _core, _hub
from tocsin._ears import Ears, after_fork_in_child
from tocsin._fork import forget_in_child
from tocsin._ready import Bell, key_of, member
from tocsin._wait import warn_if_loop_is_running

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import TracebackType
    from typing import Any, Self

    from tocsin._ears import Events
    from tocsin._object import Handle
    from tocsin._ready import Member


class Waiting:
    """What a WaitSet and a wait for any have in common: who waits, what may be ready, and how it is found out."""

    def __init__(self, *, weak: Callable[[object], None] | None = None) -> None:
        self._ears = Ears()
        self._weak = weak
        self._count = 0  # of all who were ever entered: their order
        _hub.watch(self)
        _living.add(self)

    # -- members, with the lock

    def _enter(self, thing: Any, place: str, seen: int | None = None) -> None:
        found = member(thing, self._count, place, seen=seen, weak=self._weak)
        if isinstance(found, Bell):
            self._ears.enter(found)
            if seen is not None or found.look_now():  # else it is armed now, and will ring
                self._ears.maybe[found] = None
                self._ears.poke()
            elif due := found.due():
                self._ears.timed[found] = due
                self._ears.poke()
        else:
            self._ears.enter(found)
        self._count += 1

    def _check_open(self) -> None:
        if self._ears.is_closed:
            raise ValueError("this WaitSet was closed: make a new one")

    # -- one wait

    def _begin(self) -> None:
        with self._ears.lock:
            self._check_open()
            if self._ears.is_forked:
                self._ears.renew()
                self._ears.is_forked = False
            self._ears.waiters += 1

    def _end(self) -> None:
        with self._ears.lock:
            if self._ears.waiters > 0:  # else a handler forked, and this is the child
                self._ears.waiters -= 1
            if self._ears.is_closed and self._ears.waiters == 0:
                self._ears.give_back()

    def _step(self, seconds: float, *, anew: bool = False) -> list[Any]:
        """Sleep until something rings, at most so long: what is ready. `anew`: what was before doesn't count."""
        if self._ears.is_forked:  # by a handler, while we slept: nobody is counted in yet
            self._begin()
        try:
            found = self._ears.hear(seconds, anew)
        except BaseException:
            self._ears.poke()  # what it took may have been for another thread
            raise
        if isinstance(found, tuple):
            found = self._consider(found, anew=anew)
        if not found:
            return []
        if self._ears.waiters > 1 or self._ears.is_exposed:
            self._ears.poke()  # the others look, too; and the descriptor is readable while something is ready
        return self._answer(found)

    def _consider(self, events: Events, *, anew: bool) -> list[Member]:
        """What rang, where that is not all: descriptors of others, calls of other threads, times that have come."""
        ears = self._ears
        try:
            with self._ears.lock:
                self._check_open()
                bells, strangers = ears.rang(ears.all_of(events))
                if ears.deaf:
                    bells += [one for one in ears.members.values() if isinstance(one, Bell)]
                ears.maybe.update(dict.fromkeys(bells))
                found: list[Member] = [one for one in strangers if one.judge is None or one.look()]
                found += ears.look(anew)
                ears.deaf = False
                return found
        except BaseException:
            ears.deaf = True  # edges may be lost, and another thread may have been meant
            ears.poke()
            raise

    def _answer(self, found: list[Member]) -> list[Any]:
        found.sort(key=_order)
        return [one.get() for one in found]

    def _wait(self, until: int, twin: str, *, anew: bool = False) -> list[Any]:
        self._begin()
        try:
            found = self._step(0, anew=anew)
            if found or until == 0:
                return found or self._now_step()
            warn_if_loop_is_running(twin, 1)
            while True:
                found = self._step(self._ears.seconds(until))
                if found:
                    return found
                if 0 <= until <= _core.now():
                    return self._last_step() if self._ears.is_far else []
        finally:
            self._end()

    def _now_step(self) -> list[Any]:
        """Nothing is ready, of one who doesn't wait: of that a server must have said so. Unreachable."""
        with self._ears.lock:
            unsure = self._ears.is_unsure()
        return self._last_step() if unsure else []

    def _last_step(self) -> list[Any]:
        """At the deadline: nothing has come, or nothing comes through. Unreachable."""
        with self._ears.lock:
            quiet = self._ears.quietest()
        for handle in quiet:
            handle._look_last()
        return self._step(0)

    async def _last_step_async(self) -> list[Any]:
        with self._ears.lock:
            quiet = self._ears.quietest()
        for handle in quiet:
            await handle._look_last_async()
        return self._step(0)

    async def _wait_async(self, until: int, *, anew: bool = False) -> list[Any]:
        self._begin()
        try:
            found = self._step(0, anew=anew)
            if found or until == 0:
                return found or self._now_step()
            from tocsin._aio import Readable

            with Readable(self._ears.epoll.fileno()) as readable:
                while True:
                    await readable.wait(self._ears.seconds(until))
                    found = self._step(0)
                    if found:
                        return found
                    if 0 <= until <= _core.now():
                        return await self._last_step_async() if self._ears.is_far else []
        finally:
            self._end()

    # -- from any thread

    def waiting(self, handle: Handle) -> int:
        """How many wait for it among others, for its `stats`."""
        if not self._ears.waiters:
            return 0
        with self._ears.lock:
            found = self._ears.members.get(id(handle))
            return self._ears.waiters if isinstance(found, Bell) and found.get() is handle else 0

    def told(self, handle: Handle, *, closed: bool) -> None:
        with self._ears.lock:
            self._ears.told(handle, closed=closed)

    def close(self) -> None:
        """Give back the set's descriptors. Those who wait on it get ValueError. Its members stay as they are."""
        with self._ears.lock:
            self._ears.is_closed = True
            if self._ears.waiters:
                self._ears.poke()  # the last who leaves gives back
            else:
                self._ears.give_back()

    def _after_fork(self) -> None:
        self._ears.lock = threading.RLock()
        self._ears.waiters = 0
        self._ears.is_forked = True

    def __repr__(self) -> str:
        state = "closed" if self._ears.is_closed else f"{len(self._ears.members)} members"
        return f"<tocsin.{type(self).__name__}: {state}>"


class WaitSet(Waiting):
    """A set of things to wait for: tocsin objects of every kind, and whatever has a descriptor.

    For many things that are waited for again and again: `wait` costs by what has become ready, not by how many are in
    the set. ``wait_any`` is the same for one wait.

    The races it removes: an object that becomes ready between two waits is found by the next one, and a pulse (an
    event that was set and cleared) is reported once, by the first wait that comes after it. Nothing is consumed: an
    object is reported as long as it is ready, and its own ``wait(0)``, ``get_nowait`` ... says what there is, or that
    somebody else was faster. What was removed, closed or cancelled, or whose owner died, is ready: its own next call
    tells.

    Unlike ``selectors`` it takes objects as they are, needs no keys, and does not have to be told what to look for:
    descriptors of others are waited for until they can be read. Discard these before you close them, as there.

    Threads may share one: each gets what is ready, but a pulse is reported to one of them. Give each a set if all are
    to hear it. A forked child gets a set of its own with the same members.

    Raises:
        TypeError: what nobody can wait for. ValueError: what is closed, and a plain file, which is always ready.
        OSError: no descriptor is left (a set takes two, an object one). Then nothing was added.
    """

    def __init__(self, objs: Iterable[Any] = ()) -> None:
        super().__init__()
        try:
            for place, thing in enumerate(objs, 1):
                self._add(thing, f"member {place} of WaitSet()")
        except BaseException:
            self.close()
            raise

    def add(self, obj: Any) -> None:
        """Wait for it, too. One that is in already changes nothing, as with `set`. Also while others wait."""
        self._add(obj, "what WaitSet.add() was given")

    def _add(self, thing: Any, place: str) -> None:
        with self._ears.lock:
            self._begin()
            try:
                if thing not in self:
                    self._enter(thing, place)
            finally:
                self._end()

    def discard(self, obj: Any) -> None:
        """Wait for it no more. One that is not in changes nothing. Also while others wait."""
        with self._ears.lock:
            found = self._ears.members.get(key_of(obj))
            if found is not None:
                self._ears.leave(found)

    def __contains__(self, obj: object) -> bool:
        return key_of(obj) in self._ears.members

    def __len__(self) -> int:
        return len(self._ears.members)

    def __bool__(self) -> bool:
        return True  # an empty one is a set as well

    def wait(self, timeout: float | None = None) -> list[Any]:
        """Wait until something is ready: what is, in the order in which it was added. [] after `timeout` seconds.

        None and inf wait for ever; 0 or less looks once. An empty set waits for what others add. Unreachable: nothing
        was ready in time, and the server of a member could not be asked.
        """
        found = self._ears.wait(timeout)
        return found if isinstance(found, list) else self._wait(found, "wait_async")

    async def wait_async(self, timeout: float | None = None) -> list[Any]:
        """`wait`, on asyncio, uvloop and trio. Safe to cancel: the next wait finds what became ready meanwhile."""
        return await self._wait_async(_core.deadline(timeout))

    def fileno(self) -> int:
        """A descriptor that is readable when there is a reason to `wait(0)`: for select, loops, and other sets.

        A hint, as with every object: it may be readable when nothing is ready. The set owns it. Queues that hold
        deliveries need a `wait(0)` once a second besides, for the dead ring nothing there.
        """
        self._begin()
        try:
            with self._ears.lock:
                self._ears.is_exposed = True
                self._ears.poke()
                return self._ears.epoll.fileno()
        finally:
            self._end()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _order(found: Member) -> int:
    return found.order


_living: weakref.WeakSet[Waiting] = weakref.WeakSet()


def _after_fork_in_child() -> None:
    after_fork_in_child()
    for waiting in list(_living):
        waiting._after_fork()


forget_in_child(_after_fork_in_child)
