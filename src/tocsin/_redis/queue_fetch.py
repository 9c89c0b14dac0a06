"""Fetching: how an item gets from the queue into the hands of one who takes, and back when he can't have it.

The steps of a wait are said once (`_steps`), for threads and tasks. Whatever comes between an item and who takes it, a
connection that breaks, a handler that raises, a task that is cancelled, leaves it with the consumer on the server; so a
taker that was left in the middle is put right before anything else is taken, and what it has goes back as it was.
"""

from __future__ import annotations

import contextlib
import errno
import socket
import time
import weakref
from typing import TYPE_CHECKING, Any

from tocsin import _core, _errors
from tocsin._errors import Unreachable, WaitCancelled
from tocsin._fork import forget_in_child
from tocsin._redis.line import ReplyError, pack, unreachable
from tocsin._redis.owner import LOOK_NS, owner_of_process
from tocsin._redis.question import Question
from tocsin._redis.script import script
from tocsin._redis.server import Refusal
from tocsin._redis.taker import Taker
from tocsin._wait import warn_if_loop_is_running

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from tocsin._aio import Turns
    from tocsin._queue import Queue
    from tocsin._redis.handle import RedisHandle

    class Base(RedisHandle, Queue[Any]):
        """What it is mixed into."""

    #: A taker that is blocked: until it can be read. A taker and what it is asked. A question to the server. Seconds.
    Step = Taker | tuple[Taker, bytes] | Question | float
    Steps = Generator[Step, Any, Any]

else:
    Base = object

BACK = script("queue_back")
_LOOK, _BURY = script("queue_look"), script("queue_bury")
_SPARE = 16  # takers kept for who takes next
_TAKING = 8  # tasks of one loop that take at a time
_PAGE = 500


class RedisFetching(Base):
    """The takers of a handle, and the steps of those who take by them."""

    _look_script = _LOOK
    _keys: tuple[bytes, ...]
    _items: bytes
    _taken_key: bytes
    _look_at: int
    _stale: bool
    _found_out: Callable[[list[Any]], dict[str, Any]]

    def _begin_taking(self) -> None:
        self._takers: list[Taker] = []  # idle
        self._busy: set[Taker] = set()
        self._broken: list[Taker] = []  # left in the middle: to be put right
        self._in_hand: set[bytes] = set()  # entries of open claims
        self._turns: Turns | None = None
        self._in_line = 0  # tasks
        self._strays: list[bytes] = []  # of those that were dropped and could not be given back yet
        self._checking = pack((b"HMGET", self._key, b"id", b"shut"))
        _living.add(self)

    def _forget_takers(self) -> None:
        """In a fork's child, which holds nothing."""
        for taker in (*self._takers, *self._busy, *self._broken):
            taker.forget()
        self._begin_taking()

    def _holder(self) -> bytes:
        return owner_of_process(self._server).id

    def _blocked(self) -> int:
        return sum(taker.is_blocked for taker in list(self._busy)) + self._in_line

    # -- takers

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

    def _settle_all(self) -> None:
        """Before one counts: what this handle has taken is said, and done."""
        if self._broken:
            self._mend(-1)
        for _ in range(len(self._takers)):
            try:
                taker = self._takers.pop()
            except IndexError:
                return
            self._busy.add(taker)
            try:
                taker.settle(self._server.until(-1))
            except BaseException as error:
                self._part(taker)
                if not isinstance(error, Unreachable):
                    raise
                self._mend(-1)
            else:
                self._busy.discard(taker)
                self._takers.insert(0, taker)

    # -- the turns of tasks

    def _turn(self) -> Turns:
        """Of this loop: any number of tasks takes by so many connections, and the others stand in line."""
        from tocsin._aio import Turns

        if self._turns is None:
            self._turns = Turns(_TAKING)
        return self._turns

    async def _my_turn(self, until: int) -> Any:  # the semaphore, to be released
        """Empty, if it doesn't come in time. Who is in front, and is told of an end, leaves: so it comes to all."""
        left = float("inf") if until < 0 else max(0.0, (until - _core.now()) / 1e9)
        self._in_line += 1
        try:
            turn = await self._turn().acquire(left)
        finally:
            self._in_line -= 1
        if turn is None:
            self._check_open()
            self._fail_take(-errno.EAGAIN, 0)
        return turn

    # -- the steps

    def _left(self, hand: list[Taker]) -> None:
        """Who took has left in the middle: a handler raised, the task was cancelled, an item could not be decoded."""
        for taker in hand:
            self._part(taker)
        self._mend_now()

    def _fetch(self, count: int, until: int, twin: str, hand: list[Taker]) -> tuple[Taker, list[Any]]:
        """A taker and what it has taken; it is in `hand`, too, for `_left`. Empty, ShutDown, ObjectRemoved,
        WaitCancelled, ValueError, Unreachable."""
        steps, server = self._steps(count, until, twin, hand), self._server
        try:
            step = next(steps)
            while True:
                answer = None
                try:
                    if type(step) is tuple:
                        answer = step[0].ask(step[1], 2, server.until(until))
                    elif type(step) is Taker:
                        step.sleep()
                    elif type(step) is Question:
                        answer = server.answer(step, until)
                    else:
                        time.sleep(step)  # type: ignore[arg-type]
                except BaseException as error:  # noqa: BLE001 - a handler's too, which the steps have to know
                    step = steps.throw(error)
                else:
                    step = steps.send(answer)
        except StopIteration as done:
            found: tuple[Taker, list[Any]] = done.value
            return found

    async def _fetch_async(self, count: int, until: int, hand: list[Taker]) -> tuple[Taker, list[Any]]:
        """The same for tasks: the loop goes on while the server thinks. It is stopped for a moment where a connection
        is made, where the holders of what is taken are asked for, once a second, and when a task is cancelled."""
        from tocsin._aio import pause, until_ready
        from tocsin._redis import asks

        steps, server = self._steps(count, until, "", hand), self._server
        try:
            step = next(steps)
            while True:
                answer = None
                try:
                    if type(step) is tuple:
                        answer = await step[0].ask_async(step[1], 2, server.until(until))
                    elif type(step) is Taker:
                        assert step.line is not None
                        await until_ready(step.line.fd, max(0.0, (step.until - _core.now()) / 1e9))
                    elif type(step) is Question:
                        answer = await asks.answer(server, step, until)
                    else:
                        await pause(step)  # type: ignore[arg-type]
                except BaseException as error:  # noqa: BLE001 - cancelled, which the steps have to know
                    step = steps.throw(error)
                else:
                    step = steps.send(answer)
        except StopIteration as done:
            found: tuple[Taker, list[Any]] = done.value
            return found

    def _steps(self, count: int, until: int, twin: str, hand: list[Taker]) -> Steps:
        """What a wait for items does, but for the waiting."""
        self._check_open()
        trial = _Patience(self, until)
        while True:
            taker: Taker | None = None
            try:
                taker = self._taker(until)
                hand[:] = (taker,)
                return taker, (yield from self._entries_by(taker, count, until, twin, trial))
            except Unreachable as error:
                if taker is not None:
                    taker.close()
                    self._part(taker)
                yield trial.pause(error)
            except (_errors.Empty, _errors.ShutDown, WaitCancelled, OSError, ValueError):
                if taker is not None:
                    self._keep(taker)
                    self._mend_now()
                raise

    def _entries_by(self, taker: Taker, count: int, until: int, twin: str, trial: _Patience) -> Steps:
        """One look, and then blocked until something comes."""
        entries = yield from self._take_now(taker, count)
        trial.end = 0
        while not entries:
            found = yield from self._look_steps(b"")
            if found["ready"] or self._bury_if(found, until):
                entries = yield from self._take_now(taker, count)
                if entries:
                    break
            self._check_end(found)
            if until and twin:
                warn_if_loop_is_running(twin, 5)
                twin = ""
            if until == 0 or 0 < until <= _core.now():
                self._fail_take(-errno.EAGAIN, 0)
            self._check()
            entries = yield from self._sleep(taker, count, until)
        return entries

    def _take_now(self, taker: Taker, count: int) -> Steps:
        """Entries; [] if there are none now. ObjectRemoved; ShutDown."""
        self._stale = True
        question = taker.one if count == 1 else taker.reading(count)
        answer, about = yield taker, question + self._checking
        entries = yield from self._entries(answer)
        if entries:
            return entries
        if type(about) is ReplyError:
            raise self._server.failure(about)
        if about[0] != self._id:
            self._over = self._over or -errno.EIDRM
            self._fail(self._over)
        if about[1] == b"1":
            self._check_end((yield from self._look_steps(b"")))
        return entries

    def _check_end(self, found: dict[str, Any]) -> None:
        """Shut down, and nothing will come any more."""
        if found["shut"] and not (found["ready"] or found["delayed"]):
            self._fail_take(-errno.EPIPE, 0)

    def _entries(self, answer: Any) -> Steps:
        if answer is None:
            return []
        if type(answer) is ReplyError:
            if str(answer).startswith(("NOGROUP", "UNBLOCKED")):
                self._over = self._over or -errno.EIDRM
                self._fail(self._over)
            if str(answer).startswith(("LOADING", "READONLY", "MASTERDOWN")):
                raise unreachable(self._server.address, answer)
            raise self._server.failure(answer)
        entries = answer[0][1]
        if any(row is None or row[0] == b"n" for _, row in entries):
            for entry, row in entries:
                if row is not None and row[0] == b"n":
                    yield from self._look_steps(entry)
            entries = [one for one in entries if one[1] is not None and one[1][0] != b"n"]
        return entries

    def _look_steps(self, nudge: bytes) -> Steps:
        try:
            answer = yield Question(_LOOK.call(self._keys, (self._id, nudge)), _LOOK)
        except Refusal as refusal:
            raise self._refused(refusal) from None
        return self._found_out(answer)

    def _patience(self, until: int) -> int:
        """ms to be blocked at most: then it is time for a look, or too late."""
        now = _core.now()
        ends = [now + LOOK_NS]
        if until >= 0:
            ends.append(until)
        if self._look_at:
            ends.append(self._look_at)
        return max(1, (min(ends) - now + 999_999) // 1_000_000)

    def _sleep(self, taker: Taker, count: int, until: int) -> Steps:
        """Blocked on the server, which gives what comes to who has waited longest."""
        try:
            taker.begin(count, self._patience(until))
            self._check()  # who cancels marks first, and then looks for those who are blocked
            answer = taker.end()
            while answer is False:
                yield taker
                answer = taker.end()
        except FileNotFoundError:  # removed
            raise
        except OSError as error:
            taker.close()
            self._check()
            raise unreachable(self._server.address, error) from error
        if answer is None:
            self._check()  # what came is handed over all the same
        return (yield from self._entries(answer))

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

    # -- the dead

    def _bury_if(self, found: dict[str, Any], until: int) -> bool:
        return bool(found["held"] or found["taken"]) and self._bury_dead(until)

    def _bury_dead(self, until: int) -> bool:
        """Put back what the dead had in hand. Did that change anything?"""
        server = self._server
        rows = self._ask(pack((b"XINFO", b"CONSUMERS", self._items, b"g")), until)
        consumers: dict[bytes, list[bytes]] = {}
        for row in rows:
            about = dict(zip(row[::2], row[1::2], strict=True))
            consumers.setdefault(about[b"name"].split(b".", 1)[0], []).append(about[b"name"])
        holders = {*consumers, *server.ask(pack((b"HKEYS", self._taken_key)), until)}
        dead = server.judge.dead_among(server, holders, until)
        for holder in dead:
            self._run(_BURY, self._keys, (self._id, holder, *consumers.get(holder, ())), until)
        return bool(dead)


class _Patience:
    """Tries to reach a lost server, until the deadline."""

    def __init__(self, queue: RedisFetching, until: int) -> None:
        self.server = queue._server
        self.until = until
        self.end = 0  # 0: it is there
        self.next = 0.005

    def pause(self, error: Unreachable) -> float:
        if not self.server.known:
            raise error
        now = _core.now()
        if not self.end:
            self.end, self.next = self.server.until(self.until), 0.005
        if now + self.next * 1e9 >= self.end:
            raise error
        seconds, self.next = self.next, min(2 * self.next, 0.25)
        return seconds


_living: weakref.WeakSet[RedisFetching] = weakref.WeakSet()


def _forget_all() -> None:
    for queue in list(_living):
        queue._forget_takers()


forget_in_child(_forget_all)
