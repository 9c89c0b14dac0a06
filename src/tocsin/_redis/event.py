"""Event on a server: a flag and the count of its sets in a hash, each change an entry of a stream of length 1."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Any

from tocsin import _core
from tocsin._event import Event
from tocsin._redis.handle import RedisHandle
from tocsin._redis.script import script
from tocsin._wait import warn_if_loop_is_running

if TYPE_CHECKING:
    from tocsin._owner import Owner

_SET = script("event_set")


class RedisEvent(RedisHandle, Event):
    """What `Event("name", at="redis://...")` makes: see `Event`.

    A wait counts the sets from its call on, as on one host: it asks for the count, and then for what comes after.
    """

    _fields = ("set", "generation")
    _generation = 0
    _is_set = False

    def _config(self, *_more: Any) -> dict[str, Any]:
        return {"set": (None, 0), "generation": (None, 0)}

    # -- what is known

    def _know(self, found: list[Any], *, anew: bool = False) -> None:
        generation, is_set = _state(found)
        # Sets and clears take turns, so there is an order of all states.
        if anew or 2 * generation - is_set >= 2 * self._generation - self._is_set:
            self._generation, self._is_set = generation, is_set

    def _learn(self, fields: dict[bytes, bytes]) -> None:
        self._know([fields[b"set"], fields[b"generation"]])

    def _ticket_of(self, side: int) -> int:
        if side == 0:
            return self._generation
        return self._generation - self._is_set + (not self._is_set)

    def _ready(self) -> bool:
        return self._is_set

    def _has_passed(self, ticket: int, seen: int) -> bool:
        return ticket > seen

    # -- the flag

    def set(self) -> None:
        self._changed(self._change(_SET, (self._key, self._stream), (self._id, 1)))

    def clear(self) -> None:
        self._changed(self._change(_SET, (self._key, self._stream), (self._id, 0)))

    async def set_async(self) -> None:
        self._changed(await self._change_async(_SET, (self._key, self._stream), (self._id, 1)))

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
        until = _core.deadline(timeout)
        after = None if since is None else _core.since(since)
        generation, is_set = _state(self._look_there(until))
        start = generation - is_set if after is None else after
        if generation > start or until == 0:
            self._show()
            return generation > start
        warn_if_loop_is_running("wait_async")

        def over() -> bool:
            self._check()
            return self._generation > start

        return bool(self._ear.wait(over, until))

    async def wait_async(self, timeout: float | None = None, *, since: int | None = None) -> bool:
        until = _core.deadline(timeout)
        after = None if since is None else _core.since(since)
        generation, is_set = _state(await self._look_there_async(until))
        start = generation - is_set if after is None else after
        if generation > start or until == 0:
            self._show()
            return generation > start
        return await self._change_seen(0, start, until)

    def wait_clear(self, timeout: float | None = None) -> bool:
        until = _core.deadline(timeout)
        generation, is_set = _state(self._look_there(until))
        if not is_set or until == 0:
            self._show()
            return not is_set
        warn_if_loop_is_running("wait_clear_async")
        start = generation - 1

        def over() -> bool:
            self._check()
            return self._ticket_of(1) > start

        return bool(self._ear.wait(over, until))

    async def wait_clear_async(self, timeout: float | None = None) -> bool:
        until = _core.deadline(timeout)
        generation, is_set = _state(await self._look_there_async(until))
        if not is_set or until == 0:
            self._show()
            return not is_set
        return await self._change_seen(1, generation - 1, until)

    # -- what it tells

    @property
    def owner(self) -> Owner | None:
        return None

    def _stat(self) -> dict[str, Any] | int:
        found = super()._stat()
        return found if isinstance(found, int) else {**found, "is_set": self._is_set, "generation": self._generation}


def _state(found: list[Any]) -> tuple[int, bool]:
    """Generation, and is it set?"""
    return int(found[1]), bool((b"0", b"1").index(found[0]))
