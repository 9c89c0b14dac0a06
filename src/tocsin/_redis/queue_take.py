"""The taking side of a queue on a server: get, receive, and the ends of claims (`queue_fetch` has the waiting)."""

from __future__ import annotations

import contextlib
import errno
import os
from operator import index
from typing import TYPE_CHECKING, Any

from tocsin import _core
from tocsin._delivery import words
from tocsin._queue import _until
from tocsin._redis.question import Question
from tocsin._redis.queue_fetch import RedisFetching
from tocsin._redis.queue_takers import BACK
from tocsin._redis.script import script
from tocsin._redis.server import Refusal
from tocsin._redis.steps import in_task, in_thread

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    from tocsin._redis.taker import Taker

    T = TypeVar("T")

_GOT, _ACK, _ROOM = (script(f"queue_{name}") for name in ("got", "ack", "room"))
_MOST = 1000  # entries that one script is told of


class Claim:
    """An item in hand: its bytes, and what ends the claim. One that is dropped goes back."""

    __slots__ = ("__weakref__", "_pid", "_queue", "attempt", "data", "entry", "is_open", "sequence")

    def __init__(self, queue: RedisTaking, entry: bytes, row: list[bytes]) -> None:
        self.is_open = False
        self.entry = entry
        self.sequence = int(row[1])
        self.data = row[3]
        self.attempt = int(row[5]) if len(row) > 4 else 1
        self._queue = queue
        self._pid = os.getpid()
        queue._in_hand.add(entry)
        self.is_open = True

    def __del__(self) -> None:
        if self.is_open:
            with contextlib.suppress(Exception):
                self._queue._let_go_of(self)


class RedisTaking(RedisFetching):
    """What `RedisQueue` takes by."""

    _is_limited: bool

    # -- for good

    def _take(self, count: int, until: int, twin: str, hand_over: Callable[[Taker, list[Any]], T]) -> T:
        hand: list[Taker] = []
        try:
            return hand_over(*in_thread(self._fetching(count, until, twin, hand)))
        except BaseException as error:
            self._left(hand, error)
            raise

    async def _take_async(self, count: int, until: int, hand_over: Callable[[Taker, list[Any]], T]) -> T:
        hand: list[Taker] = []
        turn = None if until == 0 else await self._my_turn(until)
        try:
            found = await in_task(self._fetching(count, until, "", hand))
            return hand_over(*found)  # nothing is awaited between the two
        except BaseException as error:
            self._left(hand, error)
            raise
        finally:
            if turn is not None:
                turn.release()

    def _for_good(self, taker: Taker, entries: list[Any]) -> list[Any]:
        """What was taken is the caller's now. That is said behind it, so that he need not wait for that; and last, so
        that whatever fails before leaves it in the queue. [] if all of it went to the dead letters."""
        found, mine, size = [], [], 0
        for entry, row in entries:
            if self._limit and len(row) > 4 and int(row[5]) > self._limit:
                claim: Any = Claim(self, entry, row)
                if self._give_up(claim, "its process died", claim.attempt - 1):
                    continue
                self._let_hand(claim)
            try:
                value = self._decode(row[3])
            except Exception as error:
                claim = Claim(self, entry, row)
                if self._give_up(claim, words(error), claim.attempt):
                    continue
                self._let_hand(claim)
                raise self._unreadable(error) from error
            found.append(value)
            mine.append(entry)
            size += len(row[3])
        holder = taker.consumer.split(b".", 1)[0]
        for start in range(0, len(mine), _MOST):
            args = (self._id, holder, 0 if start else size, *mine[start : start + _MOST])
            taker.say(Question(_GOT.call(self._keys, args), _GOT))
        self._keep(taker)
        return found

    def get(self, block: bool = True, timeout: float | None = None) -> Any:  # noqa: FBT001, FBT002 - queue.Queue's
        until = _until(block, timeout)
        if self._codec is None:
            self._find_codec()
        while True:
            for value in self._take(1, until, "get_async", self._for_good):
                return value

    def get_nowait(self) -> Any:
        return self.get(block=False)

    def get_many(self, max_items: int, block: bool = True, timeout: float | None = None) -> list[Any]:  # noqa: FBT001, FBT002
        until, most = _until(block, timeout), _most(max_items)
        if self._codec is None:
            self._find_codec()
        while True:
            found = self._take(most, until, "get_many_async", self._for_good)
            if found:
                return found

    async def get_async(self, block: bool = True, timeout: float | None = None) -> Any:  # noqa: FBT001, FBT002
        until = _until(block, timeout)
        if self._codec is None:
            self._find_codec()
        while True:
            for value in await self._take_async(1, until, self._for_good):
                return value

    async def get_many_async(self, max_items: int, block: bool = True, timeout: float | None = None) -> list[Any]:  # noqa: FBT001, FBT002
        until, most = _until(block, timeout), _most(max_items)
        if self._codec is None:
            self._find_codec()
        while True:
            found = await self._take_async(most, until, self._for_good)
            if found:
                return found

    # -- in hand

    def _receive(self, until: int) -> Any:
        return self._take(1, until, "receive_async", self._claim)

    def _claim(self, taker: Taker, entries: list[Any]) -> Any:
        claim = Claim(self, *entries[0])
        if self._is_limited:
            taker.say(Question(_ROOM.call(self._keys, (self._id,)), _ROOM))
        self._keep(taker)
        return claim

    async def receive_async(self, timeout: float | None = None) -> Any:
        until = _core.data_deadline(timeout)
        if self._codec is None:
            self._find_codec()
        while True:
            delivery = self._deliver(await self._take_async(1, until, self._claim))
            if delivery is not None:
                return delivery

    # -- the end of a claim

    def _end(self, claim: Any, delay_ns: int, until: int = -1) -> int:
        if not claim.is_open or claim._pid != os.getpid():  # a forked child holds nothing
            return -errno.ESTALE
        try:
            if delay_ns < 0:
                self._server.change(_ACK, self._keys, (self._id, claim.entry, len(claim.data)), until)
            else:
                ms = -(-delay_ns // 1_000_000)
                self._server.change(BACK, self._keys, (self._id, ms, 1, claim.entry), until)
        except Refusal as refusal:
            if refusal.reason in (-errno.ESTALE, -errno.EIDRM):
                self._let_hand(claim)
            return refusal.reason
        self._let_hand(claim)
        return 0

    def _let_hand(self, claim: Any) -> None:
        """It is no claim any more."""
        claim.is_open = False
        self._in_hand.discard(claim.entry)

    def _let_go(self, claim: Any) -> bool:
        self._forget(claim)
        return self._let_go_of(claim)

    def _let_go_of(self, claim: Any) -> bool:
        """Given back by who doesn't wait for it: if the server isn't there, later."""
        if claim._pid != os.getpid():
            return False
        try:
            return self._end(claim, 0, 0) == 0
        except OSError:
            was_open = claim.is_open
            self._strays.append(claim.entry)
            self._let_hand(claim)
            return bool(was_open)


def _most(max_items: int) -> int:
    most = index(max_items)
    if most < 1:
        raise ValueError(f"bad max_items {max_items!r}: give 1 or more")
    return most
