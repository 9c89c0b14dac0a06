"""Waiting on a server: what threads, loops and sets of waits call, by what is known and by the handle's ear (`ear`).

A wait is for a ticket to pass another one: how far things are on a side, as hubs and sets have it (`_hub`, `_ears`).
"""

from __future__ import annotations

import contextlib
import errno
from typing import TYPE_CHECKING, Any

from tocsin import _core
from tocsin._errors import TocsinError, Unreachable
from tocsin._redis.handle_news import RedisKnown
from tocsin._redis.server import SOON
from tocsin._redis.steps import Step, in_task, in_thread

if TYPE_CHECKING:
    from tocsin._redis.ear import Ear
    from tocsin._redis.steps import Steps

#: A ticket that nothing passes: the present state is what counts, so it is looked at (`_ready`).
NEVER = (1 << 64) - 1
_NEWS, _LOOK = 2, 1
#: Whose time is over looks once more, if nothing was heard from the server for so long: a network that drops everything
#: is as still as an object of which there are no news.
_SURE_NS = 1_000_000_000


class News(Step):
    """Until what is known on that side has passed `seen`; False at the deadline, or when it is time to look for oneself
    (`look`, ns; 0: it is not). Unreachable, as `Ear.wait`; not for want of a connection at `look`."""

    __slots__ = ("handle", "look", "seen", "side", "until")

    def __init__(self, handle: RedisWaited, side: int, seen: Any, until: int, look: int = 0) -> None:
        self.handle = handle
        self.side = side
        self.seen = seen
        self.until = until
        self.look = look

    def block(self) -> bool:
        handle, side, seen, look = self.handle, self.side, self.seen, self.look

        def over() -> int:
            handle._check()
            mark, passed = handle._mark_of(side), handle._passed
            if passed(mark, seen) or passed(handle._arm_later(side, mark), seen):
                return _NEWS
            return _LOOK if 0 < look <= _core.now() else 0

        return bool(handle._ear.wait(over, self.until, lambda: look) == _NEWS)

    async def suspend(self) -> bool:
        handle, until, look = self.handle, self.until, self.look
        if not look or 0 <= until <= look:
            return await handle._change_seen(self.side, self.seen, until)
        try:
            return await handle._change_seen(self.side, self.seen, look)
        except Unreachable:
            if handle._ear.is_given_up():
                raise
            return False


class RedisWaited(RedisKnown):
    """What waits for an object ask of its handle."""

    _stopped = False  # cancelled

    def _listens(self) -> Ear:
        return self._ear

    def _check(self) -> None:
        """ValueError, ObjectRemoved, WaitCancelled: what ends a wait."""
        if self._over:
            self._fail(self._over)
        if self._stopped:
            self._fail(-errno.ECANCELED)

    def _listen(self) -> int:
        self._check_open()
        ear = self._ear
        with ear.lock:
            self._check_open()
            fd = ear.bells.listen(ear)
            ear.take()
            ear.arm()
            return fd

    def _arm(self, side: int) -> Any:
        """Take in what came, have a read outstanding, and say how far things are on that side: its mark.

        Unreachable: there is no connection now, which `_change_seen` bears for as long as one has patience.
        """
        ear = self._ear
        with ear.lock:
            ear.take()
            if not self._over:
                ear.arm()
                ear.look_each_minute()
        self._check()
        ear.check()
        return self._mark_of(side)

    def _ticket_of(self, side: int) -> int:
        """How far things are on that side, from what is known."""
        raise NotImplementedError

    def _mark_of(self, side: int) -> Any:
        """The same as `_passed` judges it."""
        return self._ticket_of(side)

    def _arm_later(self, side: int, mark: Any) -> Any:  # noqa: ARG002
        return mark

    def _ticket(self) -> int:
        """How far things are now: asked, because who waits for many counts from here on, or from what is known."""
        try:
            self._look_there(SOON)
        except Unreachable as error:
            self._ear.suspect(error)
        return self._ticket_of(0)

    async def _ticket_async(self, until: int) -> int:
        await in_task(self._look_there_steps(until))
        return self._ticket_of(0)

    def _look_again(self) -> int:
        return 0

    def _due(self) -> int:
        """When (ns) to look again though nothing comes. 0: no need."""
        return self._ear.due()

    def _is_ready(self, seen: int) -> bool:
        return self._judge(seen) >= 0

    def _judge(self, seen: int) -> int:
        """The ticket of this instant if it is ready, or was since the ticket `seen`; else the ticket's complement.

        Nothing is ready of which the server says nothing. The ear goes on trying; Unreachable when patience is over.
        """
        try:
            return self._verdict(seen)
        except Unreachable as error:
            self._ear.suspect(error)
            return ~self._ticket_of(0)

    def _verdict(self, seen: int) -> int:
        ear = self._ear
        if seen == NEVER and not self._over:
            with contextlib.suppress(FileNotFoundError):
                self._look_there(SOON)
        with ear.lock:
            ear.take()
            if not self._over:
                if ear.is_given_up():
                    ear.retry_at = 0  # who is told so has tried himself
                ear.arm()
            if ear.is_given_up():
                ear.check()
            ticket = self._ticket_of(0)
            # What has ended is ready, for its own next call tells.
            ready = self._over or self._stopped or self._ready() or self._has_passed(ticket, seen)
            return ticket if ready else ~ticket

    def _ready(self) -> bool:
        """From what is known: is there what it is waited for?"""
        raise NotImplementedError

    def _has_passed(self, ticket: int, seen: int) -> bool:  # noqa: ARG002 - Event's alone
        return False

    def _show(self) -> None:
        """After a look: its news are taken in, and `fileno` is readable while it is ready."""
        ear = self._ear
        bells = ear.bells
        if bells.shown >= 0 or bells.rung >= 0:
            with ear.lock:
                if not self._over:
                    ear.catch_up()
                    ear.arm()
                # Without a connection nothing would ever ring: so it is to be looked at, and the look tells.
                bells.show(ready=bool(self._over or self._stopped or ear.line is None or self._ready()))

    def fileno(self) -> int:
        """A descriptor that select, poll, epoll and loops find readable while the object is ready for this handle.

        A hint: look with the object's own calls, which consume the edge when they find it not ready. The handle owns
        the descriptor, which stays the same when the connection to the server doesn't.
        """
        self._look_there()
        ear = self._ear
        with ear.lock:
            self._check_open()
            fd = ear.bells.fileno(ear)
        self._show()
        return fd

    def _until_steps(self, side: int, seen: int, until: int) -> Steps[bool]:
        """Until the ticket of that side has passed `seen`; False at the deadline."""
        if (yield News(self, side, seen, until)):
            return True
        yield from self._last_look()
        return self._ticket_of(side) != seen

    def _last_look(self) -> Steps[None]:
        """At a deadline: nothing has come, or nothing comes through. Unreachable."""
        ear = self._ear
        ear.check()
        if _core.now() - ear.heard >= _SURE_NS:
            yield from self._look_there_steps(0)
            ear.doubt()

    def _has_patience(self, since: int) -> bool:
        """Of a program that asks again and again, and has had no answer since then (ns)."""
        return _core.now() - since <= self._server.address.patience_ns

    # -- by sets of waits

    def _heard_at(self) -> int:
        """When (ns) anything was heard on its own connection."""
        return self._ear.heard

    def _look_last(self) -> None:
        """At a set's deadline. Unreachable; what else is wrong makes it ready, and its own next call tells."""
        in_thread(self._last_look_steps())

    async def _look_last_async(self) -> None:
        await in_task(self._last_look_steps())

    def _last_look_steps(self) -> Steps[None]:
        try:
            yield from self._last_look()
        except Unreachable:
            raise
        except (TocsinError, ValueError):
            return

    async def _change_seen(self, side: int, seen: Any, until: int) -> bool:
        """The same for tasks alone, as `_aio.wait_change`: the mark."""
        from tocsin._aio import pause, wait_change

        ear = self._ear
        while True:
            try:
                return await wait_change(self, side, seen, until)
            except Unreachable:
                now = _core.now()
                if ear.is_given_up() or 0 <= until <= now:
                    raise
                again = max(ear.retry_at, now + 1_000_000)  # by then another may have connected
                await pause(((again if until < 0 else min(again, until)) - now) / 1e9)
