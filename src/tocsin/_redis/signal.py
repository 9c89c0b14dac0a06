"""Signal on a server: a count in a hash, and each signal an entry of a stream of length 1 that says it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tocsin import _core
from tocsin._errors import WaitCancelled
from tocsin._redis.cursor import RedisCursor
from tocsin._redis.script import script
from tocsin._redis.steps import in_task, in_thread
from tocsin._signal import Signal
from tocsin._wait import warn_if_loop_is_running

if TYPE_CHECKING:
    from tocsin._redis.steps import Steps

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
        try:
            return in_thread(self._hear_steps(_core.deadline(timeout), "wait_async"))
        except WaitCancelled:
            return 0

    def _hear(self) -> int:
        return in_thread(self._hear_steps(-1, "async for"))

    async def _hear_async(self, until: int) -> int:
        return await in_task(self._hear_steps(until, ""))

    def _hear_steps(self, until: int, twin: str) -> Steps[int]:
        self._check()
        count = int((yield from self._look_there_steps(until))[0])
        while True:
            seen = self._count
            self._check()
            heard = self._take(count)
            if heard or until == 0:
                break
            if twin:
                warn_if_loop_is_running(twin, 2)
                twin = ""
            if not (yield from self._until_steps(0, seen, until)):
                break
            count = 0
        self._show()
        return heard

    # -- what it tells

    def _stat(self) -> dict[str, Any] | int:
        found = super()._stat()
        return found if isinstance(found, int) else {**found, "word": self._count << 8}
