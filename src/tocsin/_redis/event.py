"""Event on a server: a flag and the count of its sets in a hash, each change an entry of a stream of length 1."""

from __future__ import annotations

import contextlib
import errno
import os
from typing import TYPE_CHECKING, Any

from tocsin import _core
from tocsin._event import Event
from tocsin._owner import command_line
from tocsin._redis.handle_wait import News
from tocsin._redis.held import RedisHeld, note_of
from tocsin._redis.line import pack
from tocsin._redis.owner import owner_of_process
from tocsin._redis.script import script
from tocsin._redis.steps import in_task, in_thread
from tocsin._wait import warn_if_loop_is_running

if TYPE_CHECKING:
    from collections.abc import Callable

    from tocsin._redis.steps import Steps

_SET = script("event_set")
_OWN = script("event_own")
_UNOWN = script("event_unown")


class RedisEvent(RedisHeld, Event):
    """What `Event("name", at="redis://...")` makes: see `Event`.

    A wait counts the sets from its call on, as on one host: it asks for the count, and then for what comes after.
    """

    _fields = ("set", "generation", "owner", "left", "claims")
    _generation = 0
    _is_set = False
    _owned_by = b""  # the claim that counts
    _is_left = False  # its owner is dead
    _claims = 0
    _passed: Callable[[Any, Any], bool] = staticmethod(lambda ticket, seen: ticket[0] > seen[0] or ticket[1] != seen[1])
    _claim = b""  # this handle's own, while it may be the one
    _claimed_in = 0  # the process that made it: a fork's child owns nothing

    def _config(self, *_more: Any) -> dict[str, Any]:
        self._doubtful: list[bytes] = []  # claims whose answer was lost: one may be the one
        return {**dict.fromkeys(("set", "generation", "left", "claims"), (None, 0)), "owner": (None, "")}

    # -- what is known

    def _know(self, found: list[Any], *, anew: bool = False) -> None:
        generation, is_set = _state(found)
        claims = int(found[4])
        # Sets and clears take turns, and claims are counted, so there is an order of all states.
        if anew or (2 * generation - is_set, claims) >= (2 * self._generation - self._is_set, self._claims):
            self._generation, self._is_set = generation, is_set
            self._owned_by, self._is_left, self._claims = found[2] + b"", found[3] == b"1", claims

    def _learn(self, fields: dict[bytes, bytes]) -> None:
        owner, left = fields.get(b"owner", b""), fields.get(b"left", b"0")
        self._know([fields[b"set"], fields[b"generation"], owner, left, fields[b"claims"]])

    def _ticket_of(self, side: int) -> int:
        if side == 0:
            return self._generation
        return self._generation - self._is_set + (not self._is_set)

    def _ready(self) -> bool:
        return self._is_set or self._is_left

    def _has_passed(self, ticket: int, seen: int) -> bool:
        return ticket > seen

    # -- the flag

    def set(self) -> None:
        self._changed(self._change(_SET, (self._key, self._stream), (self._id, 1)))
        self._claim = b""

    def clear(self) -> None:
        self._changed(self._change(_SET, (self._key, self._stream), (self._id, 0)))

    async def set_async(self) -> None:
        self._changed(await self._change_async(_SET, (self._key, self._stream), (self._id, 1)))
        self._claim = b""

    async def clear_async(self) -> None:
        self._changed(await self._change_async(_SET, (self._key, self._stream), (self._id, 0)))

    def _changed(self, answer: list[Any]) -> None:
        self._take_in(answer[0], answer[1:])
        self._show()

    def is_set(self) -> bool:
        _, is_set = _state(self._look_there())
        self._show()
        return is_set

    isSet = is_set  # noqa: N815 - threading.Event's old name

    @property
    def generation(self) -> int:
        if self._over == -errno.EIDRM:  # a number that was true once is no promise
            return self._generation
        generation, _ = _state(self._look_there())
        self._show()
        return generation

    # -- waiting

    def wait(self, timeout: float | None = None, *, since: int | None = None) -> bool:
        after = None if since is None else _core.since(since)
        return in_thread(self._wait_steps(after, _core.deadline(timeout), "wait_async"))

    async def wait_async(self, timeout: float | None = None, *, since: int | None = None) -> bool:
        after = None if since is None else _core.since(since)
        return await in_task(self._wait_steps(after, _core.deadline(timeout), ""))

    def _wait_steps(self, after: int | None, until: int, twin: str) -> Steps[bool]:
        found = yield from self._look_there_steps(until)
        if (yield from self._look_after_steps()):
            found = yield from self._look_there_steps(until)
        generation, is_set = _state(found)
        start = generation - is_set if after is None else after
        if generation > start or until == 0 or found[3] == b"1":
            return self._answered(found, start)
        if twin:
            warn_if_loop_is_running(twin, 2)
        return (yield from self._until_steps(0, start, until))

    def wait_clear(self, timeout: float | None = None) -> bool:
        return in_thread(self._wait_clear_steps(_core.deadline(timeout), "wait_clear_async"))

    async def wait_clear_async(self, timeout: float | None = None) -> bool:
        return await in_task(self._wait_clear_steps(_core.deadline(timeout), ""))

    def _wait_clear_steps(self, until: int, twin: str) -> Steps[bool]:
        generation, is_set = _state((yield from self._look_there_steps(until)))
        if not is_set or until == 0:
            self._show()
            return not is_set
        if twin:
            warn_if_loop_is_running(twin, 2)
        return (yield from self._until_steps(1, generation - 1, until))

    def _answered(self, found: list[Any], start: int) -> bool:
        """Of a wait that is over by its first look."""
        self._show()
        generation, _ = _state(found)
        if generation <= start and found[3] == b"1":
            self._fail(-errno.EOWNERDEAD)
        return generation > start

    # Of an owner one must ask whether he lives, so a wait is for a change of the claim as well.

    def _mark_of(self, side: int) -> Any:
        return self._ticket_of(side), self._claims

    def _arm_later(self, side: int, mark: Any) -> Any:
        if side == 0:
            self._tell_of_death()
        return mark

    def _until_steps(self, side: int, seen: int, until: int) -> Steps[bool]:
        while True:
            due = self._holder_due() if side == 0 else 0
            yield News(self, side, (seen, self._claims), until, due)
            if self._ticket_of(side) > seen:
                return True
            if 0 <= until <= _core.now():
                yield from self._last_look()
                return self._ticket_of(side) > seen
            yield from self._look_after_steps()

    def _verdict(self, seen: int) -> int:
        self._look_after()
        return super()._verdict(seen)

    # -- ownership

    def own(self, *, command: str | None = None) -> None:
        note = b"%d %b" % (os.getpid(), command_line(command))
        self._check_open()
        self._claimed_in = os.getpid()
        try:
            claim = self._doubtful.pop()
        except IndexError:
            claim = b"%b:%b" % (owner_of_process(self._server).id, os.urandom(6).hex().encode())
        try:
            answer = self._run(_OWN, (self._key, self._stream), (self._id, claim, note))
            if answer[3] != claim:
                self._take_in(answer[0], answer[1:])
                if self._look_after():
                    answer = self._run(_OWN, (self._key, self._stream), (self._id, claim, note))
        except (RuntimeError, FileNotFoundError):
            raise
        except BaseException:
            self._doubtful.append(claim)
            raise
        if answer[3] != claim:
            self._fail(-errno.EBUSY)
        self._claim = claim
        self._changed(answer)

    def disown(self) -> None:
        self._check_open()
        with contextlib.suppress(FileNotFoundError):
            self._give_up(0)

    def _give_up(self, left: int) -> None:
        claims, self._claim, self._doubtful = [self._claim, *self._doubtful], b"", []
        if self._claimed_in == os.getpid():
            for claim in filter(None, claims):
                self._changed(self._run(_UNOWN, (self._key, self._stream), (self._id, claim, left)))

    def _held_by(self) -> bytes:
        return b"" if self._is_left else self._owned_by

    def _bury(self, holder: bytes) -> None:
        answer = self._run(_UNOWN, (self._key, self._stream), (self._id, holder, 1))
        self._take_in(answer[0], answer[1:])

    def _tell_of_death(self) -> None:
        if self._is_left:
            self._fail(-errno.EOWNERDEAD)

    def _owner(self) -> tuple[int, bytes, bool] | int | None:
        if self._over == -errno.ESHUTDOWN:
            return self._over
        try:
            found = self._look_there()
            if self._look_after():
                found = self._look_there()
        except FileNotFoundError:
            return None
        if not found[2]:
            return None
        return *note_of(self._ask(pack((b"HGET", self._key, b"who")))), found[3] != b"1"

    # -- life

    def _close(self) -> None:
        try:
            if not self._over:
                with contextlib.suppress(FileNotFoundError):
                    self._give_up(1)
        finally:
            super()._close()

    def __del__(self) -> None:
        if self._claim:
            with contextlib.suppress(Exception):  # at the interpreter's end
                self._give_up(1)

    # -- what it tells

    def _stat(self) -> dict[str, Any] | int:
        found = super()._stat()
        return found if isinstance(found, int) else {**found, "is_set": self._is_set, "generation": self._generation}


def _state(found: list[Any]) -> tuple[int, bool]:
    """Generation, and is it set?"""
    return int(found[1]), bool((b"0", b"1").index(found[0]))
