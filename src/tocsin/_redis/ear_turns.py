"""The turns of threads that wait by one ear: one of them sleeps on the connection and takes in what comes for all (the
leader), the others sleep until it tells them. A leader that leaves hands over.
"""

from __future__ import annotations

import contextlib
import os
import select
import threading
from typing import TYPE_CHECKING, Any

from tocsin import _core

if TYPE_CHECKING:
    from collections.abc import Callable

    from tocsin._redis.ear import Ear


class Turns:
    """The ear's lock is around all of it, but for the sleep of the leader and the call that ends it."""

    def __init__(self, lock: threading.RLock) -> None:
        self.lock: Any = lock
        self.told = threading.Condition(self.lock)
        self.waiting: list[int] = []  # the threads
        self.leader = 0  # the one that sleeps on the connection
        self.first = 0  # the one that leads before all others, because it is to hear soonest
        self.caller = -1  # an eventfd by which it is called
        self.poll: select.poll | None = None

    def enter(self) -> None:
        """One more thread waits, this one."""
        self.waiting.append(threading.get_ident())

    def leave(self) -> None:
        self.waiting.remove(threading.get_ident())

    def wait_first(self, ear: Ear, over: Callable[[], Any], until: int) -> Any:
        """As `wait`, and lead whoever leads now, unless another is first already."""
        if self.first:
            return self.wait(ear, over, until, None)
        self.first = threading.get_ident()
        if self.leader:
            self.call()
        try:
            return self.wait(ear, over, until, None)
        finally:
            self.first = 0
            if len(self.waiting) > 1:
                self.told.notify_all()

    def wait(self, ear: Ear, over: Callable[[], Any], until: int, due: Callable[[], int] | None) -> Any:
        """As `Ear.wait`, for one who has entered."""
        me = threading.get_ident()
        while not (found := over()):
            now = _core.now()
            if 0 <= until <= now:
                ear.check()
                return found
            if ear.is_given_up():
                ear.check()
            if self.leader not in (0, me) or self.first not in (0, me):
                # Who leads may not be the one that took what came, so it may be this one's to ask for more.
                if ear.line is None or not ear.arm():
                    self.told.wait(_seconds([ear.look_at(), *ear.gives_up_at()], until, due, now))
                continue
            before, self.leader = self.leader, me
            try:
                self._lead(ear, until, due)
            finally:
                self.leader = before
                if not before and len(self.waiting) > 1:
                    self.told.notify(len(self.waiting) if self.first else 1)
        return found

    def _lead(self, ear: Ear, until: int, due: Callable[[], int] | None) -> None:
        if self.caller < 0:
            self.caller = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        if self.poll is None:
            self.poll = select.poll()
            self.poll.register(self.caller, select.POLLIN)
            ear.watch(self.poll)
        if ear.arm(until):
            return  # what was learnt before it was sent is no news: ask once more
        poll = self.poll
        seconds = _seconds([ear.look_at(), *ear.retries_at(), *ear.gives_up_at()], until, due, _core.now())
        # As Condition.wait does it: a handler that we interrupted may hold the lock more than once.
        held = self.lock._release_save()
        try:
            rang = poll.poll(seconds * 1000)
        finally:
            self.lock._acquire_restore(held)
        for fd, _ in rang:
            if fd == self.caller:
                with contextlib.suppress(BlockingIOError):
                    os.eventfd_read(fd)
        ear.take(leading=True)
        ear.look_each_minute()

    def tell(self, *, leading: bool) -> None:
        """There are news. `leading`: the leader itself says so."""
        if self.waiting:
            if not leading:
                self.call()
            if len(self.waiting) > 1:
                self.told.notify_all()

    def call(self) -> None:
        """The leader is to look: from any thread."""
        if self.caller >= 0:
            with contextlib.suppress(OSError, ValueError):
                os.eventfd_write(self.caller, 1)

    def rouse(self) -> None:
        """All are to look."""
        self.told.notify_all()
        self.call()

    def close(self) -> None:
        fd, self.caller, self.poll = self.caller, -1, None
        if fd >= 0:
            os.close(fd)

    def forget(self) -> None:
        """In a fork's child. The thread that forked may wait itself, by a handler, and goes on: it may have to lead,
        because its leader has not come along."""
        me = threading.get_ident()
        self.waiting = [one for one in self.waiting if one == me]
        self.leader, self.first = (me if one == me else 0 for one in (self.leader, self.first))
        self.told.notify_all()


def _seconds(ends: list[int], until: int, due: Callable[[], int] | None, now: int) -> float:
    if until >= 0:
        ends.append(until)
    if due is not None and (when := due()):
        ends.append(when)
    return max(0.0, (min(ends) - now) / 1e9)
