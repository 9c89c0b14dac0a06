"""The end of all work: what is taken and not reported, and who waits until nothing is.

Who waits says so at the server, so that the last report rings; and once a second he looks for the dead,
who report nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tocsin import _core
from tocsin._redis.handle_wait import News
from tocsin._redis.owner import LOOK_NS
from tocsin._redis.queue_fetch import RedisFetching
from tocsin._redis.script import script
from tocsin._redis.steps import in_task, in_thread
from tocsin._wait import warn_if_loop_is_running

if TYPE_CHECKING:
    from collections.abc import Callable

    from tocsin._redis.steps import Steps

_TASK_DONE, _JOIN = script("queue_task_done"), script("queue_join")


class RedisJoining(RedisFetching):
    """What `RedisQueue` joins by."""

    _ring: int
    _know_last: Callable[[bytes], None]

    def task_done(self) -> None:
        self._settle_all()
        is_busy = bool(self._busy)
        try:
            self._change(_TASK_DONE, self._keys, (self._id, self._holder()))
        except ValueError:
            # What another thread's taker was still saying then, it has said now.
            if not is_busy:
                raise
            self._change(_TASK_DONE, self._keys, (self._id, self._holder()))

    def join(self, timeout: float | None = None) -> bool:
        return in_thread(self._joining(_core.deadline(timeout), "join_async"))

    async def join_async(self, timeout: float | None = None) -> bool:
        return await in_task(self._joining(_core.deadline(timeout), ""))

    def _joining(self, until: int, twin: str) -> Steps[bool]:
        yield from self._settling(until)
        while True:
            before = self._ring
            if self._over:
                self._fail(self._over)
            count, last = yield from self._run_steps(_JOIN, self._keys, (self._id,), until)
            self._know_last(last)
            if not count:
                return True
            if (yield from self._burial(until)):
                continue
            if until == 0 or 0 < until <= _core.now():
                return False
            if twin:
                warn_if_loop_is_running(twin, 2)
                twin = ""
            yield News(self, 1, before, until, _core.now() + LOOK_NS)
