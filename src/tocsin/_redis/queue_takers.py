"""The takers of a queue's handle: idle ones for who takes next, and those that were left in the middle.

Whatever comes between an item and who takes it, a connection that breaks, a handler that raises, a task that is
cancelled, leaves it with the consumer on the server; so a taker that was left in the middle is put right before
anything else is taken, and what it has goes back as it was.
"""

from __future__ import annotations

import contextlib
import errno
import socket
import weakref
from typing import TYPE_CHECKING, Any

from tocsin._errors import Unreachable
from tocsin._fork import forget_in_child
from tocsin._redis.line import pack
from tocsin._redis.owner import owner_of_process
from tocsin._redis.script import script
from tocsin._redis.server import Refusal
from tocsin._redis.taker import Taker

if TYPE_CHECKING:
    from tocsin._queue import Queue
    from tocsin._redis.handle import RedisHandle
    from tocsin._redis.steps import Steps

    class Base(RedisHandle, Queue[Any]):
        """What it is mixed into."""

else:
    Base = object

BACK = script("queue_back")
_SPARE = 16  # takers kept for who takes next
_PAGE = 500


class RedisTakers(Base):
    """They are taken from here, kept, and put right; and dismissed with the handle."""

    _keys: tuple[bytes, ...]
    _items: bytes

    def _begin_takers(self) -> None:
        self._takers: list[Taker] = []  # idle
        self._busy: set[Taker] = set()
        self._broken: list[Taker] = []  # left in the middle: to be put right
        self._in_hand: set[bytes] = set()  # entries of open claims
        self._strays: list[bytes] = []  # of those that were dropped and could not be given back yet
        _living.add(self)

    def _forget_takers(self) -> None:
        """In a fork's child, which holds nothing."""
        for taker in (*self._takers, *self._busy, *self._broken):
            taker.forget()
        self._begin_takers()

    def _holder(self) -> bytes:
        return owner_of_process(self._server).id

    def _taker(self, until: int) -> Taker:
        """One that is connected and clean, in use from now on. Unreachable."""
        if self._broken or self._strays:
            self._mend(until)
        try:
            taker = self._takers.pop()
        except IndexError:
            taker = Taker(self._server, self._holder(), self._items)
        self._busy.add(taker)
        if taker.line is None:
            try:
                taker.connect(self._server.until(until))
            except BaseException:
                self._part(taker)
                raise
        return taker

    def _keep(self, taker: Taker) -> None:
        """Done with it."""
        if not taker.is_whole():
            self._part(taker)
            return
        self._busy.discard(taker)
        if self._over or len(self._takers) >= _SPARE:
            self._dismiss(taker)
        else:
            self._takers.append(taker)

    def _part(self, taker: Taker) -> None:
        """Left in the middle: nobody knows what it has."""
        if taker in self._busy:
            self._broken.append(taker)
            self._busy.discard(taker)

    def _mend(self, until: int) -> None:
        """Put right what was left in the middle. Unreachable."""
        while self._broken:
            try:
                taker = self._broken.pop()
            except IndexError:
                break
            try:
                self._put_right(taker, until)
            except BaseException:
                self._broken.append(taker)
                raise
            if self._over:
                self._dismiss(taker)
            else:
                self._takers.append(taker)
        while self._strays:
            with contextlib.suppress(Refusal):
                self._server.change(BACK, self._keys, (self._id, 0, 1, self._strays[-1]), until)
            self._strays.pop()

    def _mend_now(self) -> None:
        """The same on the way out of a call; if the server isn't there, the next call does it."""
        if self._broken:
            with contextlib.suppress(OSError, Refusal):
                self._mend(0)

    def _put_right(self, taker: Taker, until: int) -> None:
        """What it was given goes back as it was, what it had said is said again."""
        server = self._server
        if taker.line is not None and taker.is_blocked and taker.line.owes:
            server.ask(pack((b"CLIENT", b"UNBLOCK", taker.number)), until)
            if not taker.rest():
                taker.close()
        else:
            taker.close()
        if taker.line is None and taker.number:
            if taker.is_listed(until):  # what it asked may still be on the way there
                server.ask(pack((b"CLIENT", b"KILL", b"ID", taker.number)), until)
            taker.number = 0
        taker.settle(server.until(until))
        first = b"-"
        while True:
            page = (b"XPENDING", self._items, b"g", first, b"+", _PAGE, taker.consumer)
            try:
                rows = server.ask(pack(page), until)
            except Unreachable:
                raise
            except OSError:  # NOGROUP: removed
                return
            back = [row[0] for row in rows if row[0] not in self._in_hand and row[0] not in self._strays]
            if back:
                with contextlib.suppress(Refusal):
                    server.change(BACK, self._keys, (self._id, 0, 0, *back), until)
            if len(rows) < _PAGE:
                return
            first = b"(" + rows[-1][0]

    def _dismiss(self, taker: Taker) -> None:
        """One that will not take any more."""
        server = self._server
        try:
            try:
                taker.settle(server.until(0))
            except Unreachable:
                self._put_right(taker, 0)
            if not server.ask(pack((b"XPENDING", self._items, b"g", b"-", b"+", 1, taker.consumer)), 0):
                # Else what it has would be nobody's for ever; it is buried with us.
                server.ask(pack((b"XGROUP", b"DELCONSUMER", self._items, b"g", taker.consumer)), 0)
        except (OSError, Refusal):  # the same
            pass
        finally:
            taker.close()

    def _settling(self, until: int = -1) -> Steps[None]:
        """Before one counts: what this handle has taken is said, and done."""
        if self._broken:
            self._mend(until)
        for _ in range(len(self._takers)):
            try:
                taker = self._takers.pop()
            except IndexError:
                return
            self._busy.add(taker)
            try:
                yield from taker.asking(b"", 0, self._server.until(until))
            except BaseException as error:
                self._part(taker)
                if not isinstance(error, Unreachable):
                    raise
                self._mend(until)
            else:
                self._busy.discard(taker)
                self._takers.insert(0, taker)

    # -- life

    def _rouse(self) -> None:
        """Closed or cancelled: whoever is blocked is to look."""
        for taker in list(self._busy):
            line = taker.line
            if taker.is_blocked and line is not None:
                with contextlib.suppress(OSError):
                    line.sock.shutdown(socket.SHUT_RDWR)

    def _cancel(self) -> None:
        super()._cancel()
        self._rouse()

    def _close(self) -> None:
        if self._over != -errno.ESHUTDOWN:
            super()._close()
            if not hasattr(self, "_takers"):  # it was never opened
                return
            self._rouse()
            self._mend_now()
            while self._takers:
                with contextlib.suppress(IndexError):
                    self._dismiss(self._takers.pop())


_living: weakref.WeakSet[RedisTakers] = weakref.WeakSet()


def _forget_all() -> None:
    for queue in list(_living):
        queue._forget_takers()


forget_in_child(_forget_all)
