"""The taking side of a queue on a server: get, receive, and the ends of claims (`taker` has the connection)."""

from __future__ import annotations

import contextlib
import errno
import os
import time
from operator import index
from typing import TYPE_CHECKING, Any

from tocsin import _core
from tocsin._errors import Unreachable
from tocsin._queue import _until
from tocsin._redis.line import ReplyError, pack, unreachable
from tocsin._redis.owner import LOOK_NS, owner_of_process
from tocsin._redis.question import Question
from tocsin._redis.script import script
from tocsin._redis.server import Refusal
from tocsin._redis.taker import Taker
from tocsin._wait import warn_if_loop_is_running

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from tocsin._queue import Queue
    from tocsin._redis.handle import RedisHandle

    class Base(RedisHandle, Queue[Any]):
        """What it is mixed into."""

else:
    Base = object

_GOT, _ACK, _BACK, _LOOK, _BURY, _ROOM = (
    script(f"queue_{name}") for name in ("got", "ack", "back", "look", "bury", "room")
)
_SPARE = 4  # takers kept for who takes next


class Claim:
    """An item in hand: its bytes, and what ends the claim. One that is dropped goes back."""

    __slots__ = ("__weakref__", "_pid", "_queue", "attempt", "data", "entry", "is_open", "sequence")

    def __init__(self, queue: RedisTaking | None, entry: bytes, row: list[bytes]) -> None:
        self.entry = entry
        self.sequence = int(row[1])
        self.data = row[3]
        self.attempt = int(row[5]) if len(row) > 4 else 1
        self._queue = queue
        self._pid = os.getpid()
        self.is_open = queue is not None

    def __del__(self) -> None:
        if self.is_open and self._queue is not None:
            with contextlib.suppress(Exception):
                self._queue._end(self, 0)


class RedisTaking(Base):
    """What `RedisQueue` takes by."""

    _look_script = _LOOK
    _keys: tuple[bytes, ...]
    _items: bytes
    _taken_key: bytes
    _is_limited: bool
    _look_at: int
    _stale: bool
    _found_out: Callable[[list[Any]], dict[str, Any]]

    def _begin_taking(self) -> None:
        self._takers: list[Taker] = []  # idle
        self._busy: set[Taker] = set()
        self._in_hand: set[bytes] = set()  # entries of open claims
        self._pid = os.getpid()
        self._checking = pack((b"HMGET", self._key, b"id", b"shut"))

    def _holder(self) -> bytes:
        return owner_of_process(self._server).id

    def _blocked(self) -> int:
        return sum(taker.is_blocked for taker in list(self._busy))

    # -- takers

    def _taker(self, until: int) -> Taker:
        if self._pid != os.getpid():
            for taker in [*self._takers, *self._busy]:
                taker.line.forget()
            self._begin_taking()
        while self._takers:
            with contextlib.suppress(IndexError):
                taker = self._takers.pop()
                if taker.is_sound():
                    return taker
                self._put_right(taker, until)
        return Taker(self._server, self._holder(), self._items, self._server.until(until))

    def _put_right(self, taker: Taker, until: int) -> None:
        try:
            self._abandon(taker, until)
        except BaseException:
            self._takers.insert(0, taker)
            raise

    def _keep(self, taker: Taker) -> None:
        if self._over or len(self._takers) >= _SPARE:
            self._dismiss(taker)
        else:
            self._takers.append(taker)

    def _dismiss(self, taker: Taker) -> None:
        """One that will not take any more."""
        try:
            self._settle(taker, 0)
            has = self._server.ask(pack((b"XPENDING", self._items, b"g", b"-", b"+", 1, taker.consumer)), 0)
            if not has:  # else what it has would be nobody's for ever
                self._server.ask(pack((b"XGROUP", b"DELCONSUMER", self._items, b"g", taker.consumer)), 0)
        except (OSError, Refusal):  # it is buried with us at the latest
            pass
        finally:
            taker.close()

    def _abandon(self, taker: Taker, until: int) -> None:
        """One whose connection broke, or whose caller left in the middle: what it was given goes back, what it had said
        is said again."""
        taker.close()
        server = self._server
        with contextlib.suppress(Refusal, OSError) if server.known else contextlib.nullcontext():
            server.ask(pack((b"CLIENT", b"UNBLOCK", taker.number)), until)
        while taker.owed:
            server.answer(taker.owed[0], until)
            del taker.owed[0]
        try:
            rows = server.ask(pack((b"XPENDING", self._items, b"g", b"-", b"+", 1000, taker.consumer)), until)
        except Unreachable:
            raise
        except OSError:  # NOGROUP: removed
            return
        back = [row[0] for row in rows if row[0] not in self._in_hand]
        if back:
            with contextlib.suppress(Refusal):
                server.change(_BACK, self._keys, (self._id, 0, 0, *back), until)

    def _settle(self, taker: Taker, until: int) -> None:
        """Have the answers to what was said."""
        if taker.owed:
            end = self._server.until(until)
            while taker.owed:
                taker.settled(taker.line.ask(b"", end))

    def _settle_all(self) -> None:
        """Before one counts: what this handle has taken is said, and done."""
        for _ in range(len(self._takers)):
            try:
                taker = self._takers.pop()
            except IndexError:
                return
            try:
                self._settle(taker, -1)
            except Unreachable:
                self._put_right(taker, -1)
                continue
            self._takers.insert(0, taker)

    # -- taking: one look, and then blocked until something comes

    def _take_now(self, taker: Taker, count: int, until: int) -> list[Any]:
        """Entries; [] if there are none now. ObjectRemoved; ShutDown."""
        self._stale = True
        question = taker.one if count == 1 else taker.reading(count)
        answer, about = taker.ask(question + self._checking, 2, self._server.until(until))
        entries = self._entries(taker, answer)
        if not entries and about[0] != self._id:
            self._over = self._over or -errno.EIDRM
            self._fail(self._over)
        if not entries and about[1] == b"1":
            self._check_end(self._look(taker, b"", until))
        return entries

    def _check_end(self, found: dict[str, Any]) -> None:
        """Shut down, and nothing will come any more."""
        if found["shut"] and not (found["ready"] or found["delayed"]):
            self._fail_take(-errno.EPIPE, 0)

    def _entries(self, taker: Taker, answer: Any) -> list[Any]:
        if answer is None:
            return []
        if type(answer) is ReplyError:
            if str(answer).startswith(("NOGROUP", "UNBLOCKED")):
                self._over = self._over or -errno.EIDRM
                self._fail(self._over)
            if str(answer).startswith(("LOADING", "READONLY", "MASTERDOWN")):
                raise unreachable(self._server.address, answer)
            raise self._server.failure(answer)
        entries = []
        for entry, row in answer[0][1]:
            if row is None:
                continue
            if row[0] == b"n":
                self._look(taker, entry, 0)
            else:
                entries.append((entry, row))
        return entries

    def _look(self, taker: Taker, nudge: bytes, until: int) -> dict[str, Any]:  # noqa: ARG002
        return self._found_out(self._run(_LOOK, self._keys, (self._id, nudge), until))

    def _patience(self, until: int) -> int:
        """ms to be blocked at most: then it is time for a look, or too late."""
        now = _core.now()
        ends = [now + LOOK_NS]
        if until >= 0:
            ends.append(until)
        if self._look_at:
            ends.append(self._look_at)
        return max(1, (min(ends) - now + 999_999) // 1_000_000)

    def _fetch(self, count: int, until: int, twin: str) -> tuple[Taker, list[Any]]:
        """A taker and what it has taken. Empty, ShutDown, ObjectRemoved, WaitCancelled, ValueError, Unreachable."""
        steps = self._steps(count, until, twin)
        try:
            while True:
                taker, seconds = next(steps)
                if taker is None:
                    time.sleep(seconds)
                    continue
                try:
                    taker.poll.poll(seconds * 1000 + 1)
                except BaseException as error:  # noqa: BLE001 - a handler's, which the steps have to know
                    steps.throw(error)
        except StopIteration as done:
            found: tuple[Taker, list[Any]] = done.value
            return found

    async def _fetch_async(self, count: int, until: int) -> tuple[Taker, list[Any]]:
        from tocsin._aio import pause, until_ready

        steps = self._steps(count, until, "")
        try:
            while True:
                taker, seconds = next(steps)
                if taker is None:
                    await pause(seconds)
                    continue
                try:
                    await until_ready(taker.line.fd, seconds)
                except BaseException as error:  # noqa: BLE001 - cancelled, which the steps have to know
                    steps.throw(error)
        except StopIteration as done:
            found: tuple[Taker, list[Any]] = done.value
            return found

    def _steps(self, count: int, until: int, twin: str) -> Generator[tuple[Taker | None, float], None, Any]:
        """What a wait for items does, but for the sleeping: who to sleep on, and how long at most."""
        self._check_open()
        trial = _Patience(self, until)
        warned = not twin
        while True:
            taker: Taker | None = None
            try:
                taker = self._taker(until)
                self._busy.add(taker)
                entries = self._take_now(taker, count, until)
                while not entries:
                    found = self._look(taker, b"", until)
                    if found["ready"] or self._bury_if(found, until):
                        entries = self._take_now(taker, count, until)
                        if entries:
                            break
                    self._check_end(found)
                    if until and not warned:
                        warn_if_loop_is_running(twin, 3)
                        warned = True
                    if until == 0 or 0 < until <= _core.now():
                        self._fail_take(-errno.EAGAIN, 0)
                    self._check()
                    entries = yield from self._sleep(taker, count, until)
                self._busy.discard(taker)
                return taker, entries  # noqa: TRY300 - the steps end here
            except Unreachable as error:
                self._part(taker)
                yield None, trial.pause(error)
            except BaseException:
                if taker is not None and taker in self._busy:
                    self._busy.discard(taker)
                    self._leave(taker)
                raise

    def _part(self, taker: Taker | None) -> None:
        if taker is not None:
            self._busy.discard(taker)
            taker.close()
            self._takers.insert(0, taker)  # put right when the server is there again

    def _leave(self, taker: Taker) -> None:
        """In the middle of a question, or after one that was answered with an error."""
        if taker.line.owes or taker.is_blocked:
            try:
                self._abandon(taker, 0)
            except (Unreachable, OSError, Refusal):
                self._takers.append(taker)
        else:
            self._keep(taker)

    def _sleep(self, taker: Taker, count: int, until: int) -> Generator[tuple[Taker, float], None, list[Any]]:
        """Blocked on the server, which gives what comes to who has waited longest."""
        ms = self._patience(until)
        try:
            taker.begin(count, ms)
            self._check()  # who cancels marks first, and then looks for those who are blocked
            answer = taker.end()
            limit = _core.now() + (ms + 2000) * 1_000_000
            while answer is False:
                left = limit - _core.now()
                if left <= 0:
                    raise TimeoutError("no answer in time")
                yield taker, left / 1e9
                answer = taker.end()
        except FileNotFoundError:  # removed
            raise
        except OSError as error:
            self._check()
            raise unreachable(self._server.address, error) from error
        if answer is None:
            self._check()  # what came is handed over all the same
        return self._entries(taker, answer)

    def _rouse(self) -> None:
        """Closed or cancelled: whoever is blocked is to look."""
        import socket

        for taker in list(self._busy):
            if taker.is_blocked:
                with contextlib.suppress(OSError):
                    taker.line.sock.shutdown(socket.SHUT_RDWR)

    def _cancel(self) -> None:
        super()._cancel()
        self._rouse()

    def _close(self) -> None:
        if self._over != -errno.ESHUTDOWN:
            super()._close()
            self._rouse()
            while self._takers:
                with contextlib.suppress(IndexError):
                    self._dismiss(self._takers.pop())

    # -- what it becomes

    def _receive(self, until: int) -> Any:
        taker, entries = self._fetch(1, until, "receive_async")
        return self._claim(taker, entries[0])

    def _claim(self, taker: Taker, entry: Any) -> Claim:
        claim = Claim(self, *entry)
        self._in_hand.add(claim.entry)
        if self._is_limited:
            taker.say(Question(_ROOM.call(self._keys, (self._id,)), _ROOM))
        self._keep(taker)
        return claim

    def _take_away(self, taker: Taker, claims: list[Claim]) -> None:
        """They are the caller's now: said behind it, so that he need not wait for that."""
        size = sum(len(claim.data) for claim in claims)
        args = (self._id, taker.consumer.split(b".", 1)[0], size, *[claim.entry for claim in claims])
        taker.say(Question(_GOT.call(self._keys, args), _GOT))
        self._keep(taker)

    def _got(self, taker: Taker, entries: list[Any]) -> list[Claim]:
        claims = []
        for entry in entries:
            claim = Claim(None, *entry)
            if self._limit and claim.attempt > self._limit:
                mine = Claim(self, *entry)
                if self._give_up(mine, "its process died", claim.attempt - 1):  # type: ignore[arg-type]
                    continue
                mine.is_open = False
            claims.append(claim)
        self._take_away(taker, claims) if claims else self._keep(taker)
        return claims

    def _value(self, claim: Claim) -> Any:
        try:
            return self._decode(claim.data)
        except Exception as error:  # noqa: BLE001 - it is told with the letter
            self._settle_all()
            self._bury(claim.data, claim.sequence, claim.attempt, error)
            raise _Buried from None

    def get(self, block: bool = True, timeout: float | None = None) -> Any:  # noqa: FBT001, FBT002 - queue.Queue's
        until = _until(block, timeout)
        if self._codec is None:
            self._find_codec()
        while True:
            for claim in self._got(*self._fetch(1, until, "get_async")):
                with contextlib.suppress(_Buried):
                    return self._value(claim)

    def get_nowait(self) -> Any:
        return self.get(block=False)

    def get_many(self, max_items: int, block: bool = True, timeout: float | None = None) -> list[Any]:  # noqa: FBT001, FBT002
        until, max_items = _until(block, timeout), index(max_items)
        if max_items < 1:
            raise ValueError(f"bad max_items {max_items!r}: give 1 or more")
        if self._codec is None:
            self._find_codec()
        while True:
            found = []
            for claim in self._got(*self._fetch(max_items, until, "get_many_async")):
                with contextlib.suppress(_Buried):
                    found.append(self._value(claim))
            if found:
                return found

    async def get_async(self, block: bool = True, timeout: float | None = None) -> Any:  # noqa: FBT001, FBT002
        until = _until(block, timeout)
        if self._codec is None:
            self._find_codec()
        while True:
            for claim in self._got(*await self._fetch_async(1, until)):
                with contextlib.suppress(_Buried):
                    return self._value(claim)

    async def get_many_async(self, max_items: int, block: bool = True, timeout: float | None = None) -> list[Any]:  # noqa: FBT001, FBT002
        until, max_items = _until(block, timeout), index(max_items)
        if max_items < 1:
            raise ValueError(f"bad max_items {max_items!r}: give 1 or more")
        if self._codec is None:
            self._find_codec()
        while True:
            claims = self._got(*await self._fetch_async(max_items, until))
            found = []
            for claim in claims:
                with contextlib.suppress(_Buried):
                    found.append(self._value(claim))
            if found:
                return found

    async def receive_async(self, timeout: float | None = None) -> Any:
        until = _core.data_deadline(timeout)
        if self._codec is None:
            self._find_codec()
        while True:
            taker, entries = await self._fetch_async(1, until)
            claim: Any = self._claim(taker, entries[0])
            delivery = self._deliver(claim)  # nothing is awaited between the two
            if delivery is not None:
                return delivery

    # -- the end of a claim

    def _end(self, claim: Any, delay_ns: int) -> int:
        if not claim.is_open or claim._pid != os.getpid():  # a forked child holds nothing
            return -errno.ESTALE
        try:
            if delay_ns < 0:
                self._server.change(_ACK, (*self._keys,), (self._id, claim.entry, len(claim.data)), -1)
            else:
                ms = -(-delay_ns // 1_000_000)
                self._server.change(_BACK, self._keys, (self._id, ms, 1, claim.entry), -1)
        except Refusal as refusal:
            if refusal.reason == -errno.ESTALE:
                self._let_hand(claim)
            return refusal.reason
        self._let_hand(claim)
        return 0

    def _let_hand(self, claim: Claim) -> None:
        claim.is_open = False
        self._in_hand.discard(claim.entry)

    # -- the dead

    def _bury_if(self, found: dict[str, Any], until: int) -> bool:
        return bool(found["held"] or found["taken"]) and self._bury_dead(until)

    def _bury_dead(self, until: int) -> bool:
        """Put back what the dead had in hand. Did that change anything?"""
        server = self._server
        rows = server.ask(pack((b"XINFO", b"CONSUMERS", self._items, b"g")), until)
        consumers: dict[bytes, list[bytes]] = {}
        for row in rows:
            about = dict(zip(row[::2], row[1::2], strict=True))
            consumers.setdefault(about[b"name"].split(b".", 1)[0], []).append(about[b"name"])
        holders = {*consumers, *server.ask(pack((b"HKEYS", self._taken_key)), until)}
        dead = server.judge.dead_among(server, holders, until)
        for holder in dead:
            self._run(_BURY, self._keys, (self._id, holder, *consumers.get(holder, ())), until)
        return bool(dead)


class _Buried(Exception):
    """It could not be decoded, and went to the dead letters."""


class _Patience:
    """Tries to reach a lost server, until the deadline."""

    def __init__(self, queue: RedisTaking, until: int) -> None:
        self.server = queue._server
        self.until = until
        self.end = 0
        self.next = 0.005

    def pause(self, error: Unreachable) -> float:
        if not self.server.known:
            raise error
        now = _core.now()
        self.end = self.end or self.server.until(self.until)
        if now + self.next * 1e9 >= self.end:
            raise error
        seconds, self.next = self.next, min(2 * self.next, 0.25)
        return seconds
