"""Signal on a server: a count in a hash, and each signal an entry of a stream of length 1 that says it."""

from __future__ import annotations

from typing import Any

from tocsin import _core
from tocsin._errors import WaitCancelled
from tocsin._redis.cursor import RedisCursor
from tocsin._redis.script import script
from tocsin._signal import Signal
from tocsin._wait import warn_if_loop_is_running

_SIGNAL = script("signal")


class RedisSignal(RedisCursor, Signal):
    """What `Signal("name", at="redis://...")` makes: see `Signal`.

    A wait asks for the count, because whoever signalled before the call is to be counted in, and then for what comes.
    """

    _fields = ("count",)

    def _begin(self, mode: int | None, create: bool, config: dict[str, Any]) -> None:  # noqa: FBT001
        super()._begin(mode, create, config)
        self._cursor = self._count - (self._replay and self._count > 0)

    def _learn(self, fields: dict[bytes, bytes]) -> None:
        self._know([fields[b"count"]])

    def _take(self, count: int) -> int:
        """How many this handle has not had, of those that are known and those that a look found; now it has."""
        with self._ear.lock:
            heard = (count if count > self._count else self._count) - self._cursor  # noqa: FURB136 - no calls here
            if heard > 0:
                self._cursor += heard
                return heard
        return 0

    # -- signalling

    def signal(self) -> int:
        return self._signalled(self._change(_SIGNAL, (self._key, self._stream), (self._id,)))

    async def signal_async(self) -> int:
        return self._signalled(await self._change_async(_SIGNAL, (self._key, self._stream), (self._id,)))

    def _signalled(self, answer: list[Any]) -> int:
        self._take_in(answer[0], answer[1:])
        self._show()
        return int(answer[1])

    @property
    def count(self) -> int:
        return self._now()

    # -- waiting

    def wait(self, timeout: float | None = None) -> int:
        until = _core.deadline(timeout)
        try:
            return self._hear_until(until, "wait_async")
        except WaitCancelled:
            return 0

    def _hear(self) -> int:
        return self._hear_until(-1, "async for")

    def _hear_until(self, until: int, twin: str) -> int:
        self._check()
        count = int(self._look_there(until)[0])
        self._check()
        heard = self._take(count)
        if not heard and until != 0:
            warn_if_loop_is_running(twin, 1)
            while self._more(until) and not (heard := self._take(0)):
                pass  # a thread of ours was faster
        self._show()
        return heard

    async def _hear_async(self, until: int) -> int:
        self._check()
        count = int((await self._look_there_async(until))[0])
        while True:
            seen = self._count
            self._check()
            heard = self._take(count)
            if heard or until == 0 or not await self._change_seen(0, seen, until):
                self._show()
                return heard
            count = 0

    # -- what it tells

    def _stat(self) -> dict[str, Any] | int:
        found = super()._stat()
        return found if isinstance(found, int) else {**found, "word": self._count << 8}
