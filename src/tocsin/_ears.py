"""Ears: one epoll for many members, and what rang since the last look. Everything above waits by it.

No edge may be lost: an edge that the kernel has handed out exists nowhere but here. So whatever interrupts the taking
of it (Ctrl-C, a handler that raises) makes the ears `deaf`: then the next look is at every member.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import threading
import weakref

from tocsin import _core, _hub
from tocsin._ready import Bell, Stranger, refusal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from tocsin._object import Handle
    from tocsin._ready import Member

    Events = tuple[tuple[int, int], ...]

_EDGE = select.EPOLLIN | select.EPOLLET
_SURE_NS = 1_000_000_000


class Ears(_core.Hearing):
    """The epoll, its members by descriptor, and a descriptor by which other threads call. Its user holds the lock."""

    def __init__(self, *, once: bool = False) -> None:
        self.members: dict[int, Member] = {}  # by key
        self.bells: dict[int, Bell] = {}  # by descriptor, as the next
        self.strangers: dict[int, list[Stranger]] = {}
        self.timed: dict[Bell, int] = {}  # to be looked at, at that time (ns), though nothing rings
        self.ended: list[Bell] = []  # closed or cancelled by some thread, and not yet looked at
        self.maybe: dict[Bell, None] = {}  # who rang, or was ready at the last look; the others need none
        self.deaf = False
        self.is_closed = False
        self.looked = _core.now()
        self.sure_until = 0
        self.lock = threading.RLock()
        self.waiters = 0
        self._level = select.EPOLLIN | (select.EPOLLONESHOT if once else 0)
        self._open()
        _living.add(self)

    def _open(self) -> None:
        self.epoll = select.epoll()
        self.fd = self.epoll.fileno()
        try:
            self.poker = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
            self.epoll.register(self.poker, select.EPOLLIN)
        except OSError:
            self.give_back()
            raise

    def give_back(self) -> None:
        """The descriptors; nobody may be in `poll`."""
        with contextlib.suppress(AttributeError, OSError):
            self.fd = -1
            self.epoll.close()
            poker, self.poker = self.poker, -1
            if poker >= 0:
                os.close(poker)

    def __del__(self) -> None:
        self.give_back()

    def renew(self) -> None:
        """In a forked child, which would eat its parent's edges: an epoll of its own, and everybody in it anew."""
        self.give_back()
        self.bells, self.strangers, self.timed = {}, {}, {}
        self._open()
        for found in self.members.values():
            with contextlib.suppress(ValueError):  # closed: the look that follows tells
                self._enter(found)
        self.deaf = True

    # -- members

    def enter(self, member: Member) -> None:
        """Raises before anything is in."""
        self._enter(member)
        self.members[member.key] = member

    def _enter(self, member: Member) -> None:
        if isinstance(member, Bell):
            self._enter_bell(member)
        else:
            self._enter_stranger(member)

    def _enter_bell(self, bell: Bell) -> None:
        fd = bell.listen()
        if fd < 0:
            return
        if bell.is_far():
            self.is_far, self.sure_until = True, 0
        with contextlib.suppress(FileExistsError):
            self.epoll.register(fd, _EDGE)
        if (old := self.bells.pop(fd, None)) is not None and old is not bell:
            old.fd = -1  # a number that its closed object left behind
        self.bells[fd] = bell
        if young := bell.young():  # before the arming: the bell's age counts up to it
            self.timed[bell] = _core.now() + young

    def _enter_stranger(self, stranger: Stranger) -> None:
        if stranger.fd in (self.poker, self.epoll.fileno()):  # a closed one, whose number we got
            raise refusal(OSError(errno.EBADF, ""), stranger.object, stranger.fd)
        try:
            self.epoll.register(stranger.fd, self._level)
        except FileExistsError:  # two objects with one descriptor
            pass
        except OSError as error:
            raise refusal(error, stranger.object, stranger.fd) from error
        self.strangers.setdefault(stranger.fd, []).append(stranger)

    def leave(self, member: Member) -> None:
        self.members.pop(member.key, None)
        if isinstance(member, Bell):
            self.maybe.pop(member, None)
            self.timed.pop(member, None)
            if self.bells.get(member.fd) is member:
                del self.bells[member.fd]
                self._drop(member.fd)
        elif member in (chain := self.strangers.get(member.fd, [])):
            chain.remove(member)
            if not chain:
                del self.strangers[member.fd]
                self._drop(member.fd)

    def _drop(self, fd: int) -> None:
        with contextlib.suppress(OSError, ValueError):  # closed already: the kernel has taken it out
            self.epoll.unregister(fd)

    def rearm(self, stranger: Stranger) -> None:
        """With `once`: let it ring again."""
        with contextlib.suppress(OSError, ValueError):
            self.epoll.modify(stranger.fd, self._level)

    def quietest(self) -> list[Any]:
        """Of each server the member that has heard nothing for longest: whom to ask at a deadline if nothing came."""
        found: dict[str, Any] = {}
        for handle in [one.get() for one in self.members.values() if isinstance(one, Bell)]:
            if handle is not None and handle.is_far:
                far: Any = handle
                other = found.setdefault(far.at, far)
                if far._heard_at() < other._heard_at():
                    found[far.at] = far
        return list(found.values())

    def is_unsure(self) -> bool:
        """Is there a server that has said nothing for a second? It may be out of reach."""
        now = _core.now()
        if not self.is_far or now < self.sure_until:
            return False
        self.sure_until = min([handle._heard_at() for handle in self.quietest()], default=now) + _SURE_NS
        return now >= self.sure_until

    # -- hearing

    def seconds(self, until: int) -> float:
        """How long to sleep at most: to the deadline, or until it is time for a look."""
        now = _core.now()
        ends = [self.looked + _hub.LOOK_NS, *self.timed.values()]
        if until >= 0:
            ends.append(until)
        return max(0.0, (min(ends) - now) / 1e9)

    def rang(self, events: Events) -> tuple[list[Bell], list[Stranger]]:
        """Whose they are; and those to look at because of the time, or because somebody said so."""
        bells: list[Bell] = []
        strangers: list[Stranger] = []
        for fd, _ in events:
            if (bell := self.bells.get(fd)) is not None:
                bells.append(bell)
            elif fd == self.poker:
                with contextlib.suppress(BlockingIOError):
                    os.eventfd_read(fd)
            else:
                strangers += self.strangers.get(fd, ())
        if self.ended:
            ended, self.ended = self.ended, []
            bells += [bell for bell in ended if self.members.get(bell.key) is bell]
        if self.timed:
            now = _core.now()
            late = [bell for bell, when in self.timed.items() if when <= now]
            for bell in late:
                del self.timed[bell]
            bells += late
        if _core.now() - self.looked > _hub.LOOK_NS:
            bells += self._minute()
        return bells, strangers

    def poll(self, seconds: float) -> Events:
        """Who gets the events has them alone: `deaf`, if he can't hand them to `rang`."""
        return self.all_of(tuple(self.epoll.poll(seconds, _core.FEW)))

    def all_of(self, events: Events) -> Events:
        """The rest, too, where so many came that there may be more."""
        if len(events) < _core.FEW:
            return events
        more = self.epoll.poll(0, len(self.bells) + len(self.strangers) + 1)
        return tuple({**dict(events), **dict(more)}.items())

    def _minute(self) -> Iterable[Bell]:
        """A deleted file, or a deleted bell, can't ring: so look whether they still have their names."""
        self.looked = _core.now()
        bells = [found for found in self.members.values() if isinstance(found, Bell)]
        for bell in bells:
            bell.check_name()
            was = bell.fd
            with contextlib.suppress(OSError, ValueError):  # closed: the look that follows tells
                if bell.listen() != was:
                    if self.bells.get(was) is bell:
                        del self.bells[was]
                    self._enter_bell(bell)
        return bells

    # -- from any thread

    def poke(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            os.eventfd_write(self.poker, 1)

    def told(self, handle: Handle, *, closed: bool) -> bool:
        """`handle` was closed or cancelled. Is it one of ours?"""
        bell = self.members.get(id(handle))
        if not isinstance(bell, Bell) or bell.get() is not handle:
            return False
        if closed and self.bells.get(bell.fd) is bell:
            self.bells.pop(bell.fd, None)
        self.ended.append(bell)
        self.poke()
        return True


_living: weakref.WeakSet[Ears] = weakref.WeakSet()


def after_fork_in_child() -> None:
    """A child that kept its parent's epoll would eat the parent's edges."""
    for ears in list(_living):
        ears.give_back()
