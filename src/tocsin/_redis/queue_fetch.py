"""Fetching: how an item gets from the queue into the hands of one who takes, with a taker (`queue_takers`).

One look, and then the taker is blocked on the server, which gives what comes to who has waited longest.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Any

from tocsin import _core, _errors
from tocsin._errors import Unreachable, WaitCancelled
from tocsin._redis.line import ReplyError, pack, unreachable
from tocsin._redis.owner import LOOK_NS
from tocsin._redis.queue_takers import RedisTakers
from tocsin._redis.script import script
from tocsin._redis.steps import Pause, in_thread
from tocsin._wait import warn_if_loop_is_running

if TYPE_CHECKING:
    from collections.abc import Callable

    from tocsin._aio import Turns
    from tocsin._redis.steps import Steps
    from tocsin._redis.taker import Taker

_LOOK, _BURY = script("queue_look"), script("queue_bury")
_TAKING = 8  # tasks of one loop that take at a time


class RedisFetching(RedisTakers):
    """The steps of those who take."""

    _taken_key: bytes
    _look_at: int
    _stale: bool
    _found_out: Callable[[list[Any]], dict[str, Any]]

    def _begin_taking(self) -> None:
        self._begin_takers()
        self._turns: Turns | None = None
        self._in_line = 0  # tasks
        self._checking = pack((b"HMGET", self._key, b"id", b"shut"))

    def _forget_takers(self) -> None:
        super()._forget_takers()
        self._turns, self._in_line = None, 0

    def _blocked(self) -> int:
        return sum(taker.is_blocked for taker in list(self._busy)) + self._in_line

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

    def _left(self, hand: list[Taker], error: BaseException) -> None:
        """Who took has left in the middle: a handler raised, the task was cancelled, an item could not be decoded."""
        for taker in hand:
            self._part(taker)
        if not isinstance(error, Unreachable):  # then the next call does it: this one's time is over
            self._mend_now()

    def _settle_all(self) -> None:
        in_thread(self._settling())

    def _fetching(self, count: int, until: int, twin: str, hand: list[Taker]) -> Steps[tuple[Taker, list[Any]]]:
        """A taker and what it has taken; it is in `hand`, too, for `_left`. Empty, ShutDown, ObjectRemoved,
        WaitCancelled, ValueError, Unreachable.

        A task's loop goes on meanwhile. It is stopped for a moment where a connection is made, and when a task is
        cancelled.
        """
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
                yield Pause(trial.pause(error))
            except (_errors.Empty, _errors.ShutDown, WaitCancelled, OSError, ValueError):
                if taker is not None:
                    self._keep(taker)
                    self._mend_now()
                raise

    def _entries_by(self, taker: Taker, count: int, until: int, twin: str, trial: _Patience) -> Steps[list[Any]]:
        """One look, and then blocked until something comes."""
        entries = yield from self._take_now(taker, count, until)
        trial.end = 0
        while not entries:
            found = yield from self._look_steps(b"", until)
            if found["ready"] or ((found["held"] or found["taken"]) and (yield from self._burial(until))):
                entries = yield from self._take_now(taker, count, until)
                if entries:
                    break
            self._check_end(found)
            if until and twin:
                warn_if_loop_is_running(twin, 5 if twin == "receive_async" else 4)  # it has one more in between
                twin = ""
            if until == 0 or 0 < until <= _core.now():
                self._fail_take(-errno.EAGAIN, 0)
            self._check()
            entries = yield from self._sleep(taker, count, until)
        return entries

    def _take_now(self, taker: Taker, count: int, until: int) -> Steps[list[Any]]:
        """Entries; [] if there are none now. ObjectRemoved; ShutDown."""
        self._stale = True
        question = taker.one if count == 1 else taker.reading(count)
        answer, about = yield from taker.asking(question + self._checking, 2, self._server.until(until))
        entries = yield from self._entries(answer, until)
        if entries:
            return entries
        if type(about) is ReplyError:
            raise self._server.failure(about)
        if about[0] != self._id:
            self._over = self._over or -errno.EIDRM
            self._fail(self._over)
        if about[1] == b"1":
            self._check_end((yield from self._look_steps(b"", until)))
        return entries

    def _check_end(self, found: dict[str, Any]) -> None:
        """Shut down, and nothing will come any more."""
        if found["shut"] and not (found["ready"] or found["delayed"]):
            self._fail_take(-errno.EPIPE, 0)

    def _entries(self, answer: Any, until: int) -> Steps[list[Any]]:
        if answer is None:
            return []
        if type(answer) is ReplyError:
            if str(answer).startswith(("NOGROUP", "UNBLOCKED")):
                self._over = self._over or -errno.EIDRM
                self._fail(self._over)
            if str(answer).startswith(("LOADING", "READONLY", "MASTERDOWN")):
                raise unreachable(self._server.address, answer)
            raise self._server.failure(answer)
        entries: list[Any] = answer[0][1]
        if any(row is None or row[0] == b"n" for _, row in entries):
            for entry, row in entries:
                if row is not None and row[0] == b"n":
                    yield from self._look_steps(entry, until)
            entries = [one for one in entries if one[1] is not None and one[1][0] != b"n"]
        return entries

    def _look_steps(self, nudge: bytes, until: int) -> Steps[dict[str, Any]]:
        return self._found_out((yield from self._run_steps(_LOOK, self._keys, (self._id, nudge), until)))

    def _patience(self, until: int) -> int:
        """ms to be blocked at most: then it is time for a look, or too late."""
        now = _core.now()
        ends = [now + LOOK_NS]
        if until >= 0:
            ends.append(until)
        if self._look_at:
            ends.append(self._look_at)
        return max(1, (min(ends) - now + 999_999) // 1_000_000)

    def _sleep(self, taker: Taker, count: int, until: int) -> Steps[list[Any]]:
        """Blocked on the server, which gives what comes to who has waited longest."""
        try:
            taker.begin(count, self._patience(until), until)
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
        return (yield from self._entries(answer, until))

    # -- the dead

    def _bury_dead(self, until: int) -> bool:
        return in_thread(self._burial(until))

    def _burial(self, until: int) -> Steps[bool]:
        """Put back what the dead had in hand. Did that change anything?"""
        server = self._server
        listed = pack((b"XINFO", b"CONSUMERS", self._items, b"g"))
        consumers: dict[bytes, list[bytes]] = {}
        for row in (yield from self._answer_steps(server.ask_steps(listed, until))):
            about = dict(zip(row[::2], row[1::2], strict=True))
            consumers.setdefault(about[b"name"].split(b".", 1)[0], []).append(about[b"name"])
        taken = yield from server.ask_steps(pack((b"HKEYS", self._taken_key)), until)
        dead = yield from server.judge.dead_among_steps(server, {*consumers, *taken}, until)
        for holder in dead:
            args = (self._id, holder, *consumers.get(holder, ()))
            yield from self._run_steps(_BURY, self._keys, args, until)
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
        if 0 < self.until <= now:
            raise error
        if not self.end:
            self.end, self.next = self.server.until(self.until), 0.005
        if now + self.next * 1e9 >= self.end:
            raise error
        seconds, self.next = self.next, min(2 * self.next, 0.25)
        return seconds
