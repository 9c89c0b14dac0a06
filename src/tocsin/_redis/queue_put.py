"""The putting side of a queue on a server: as many in one script as there is room for, and the wait for room.

Somebody rings when there is room: who takes, if the last put found none.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Any

from tocsin import _core, _errors
from tocsin._codec import LARGEST
from tocsin._queue import _until
from tocsin._redis.handle_wait import News
from tocsin._redis.script import script
from tocsin._wait import warn_if_loop_is_running

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tocsin._queue import Queue
    from tocsin._redis.handle import RedisHandle

    class Base(RedisHandle, Queue[Any]):
        """What it is mixed into."""

else:
    Base = object

_PUT = script("queue_put")
#: How much goes into one script at once.
_MOST, _MOST_BYTES = 500, 4 << 20


class RedisPutting(Base):
    """What `RedisQueue` puts by."""

    _keys: tuple[bytes, ...]
    _is_limited: bool
    _stale: bool
    _ring: int
    _look_figures: Callable[[int], dict[str, Any]]

    def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:  # noqa: FBT001, FBT002 - queue.Queue's
        data = self._encode(item)
        self._put_bytes(data, _until(block, timeout))

    def put_nowait(self, item: Any) -> None:
        self._put_bytes(self._encode(item), 0)

    def put_many(self, items: Iterable[Any], block: bool = True, timeout: float | None = None) -> int:  # noqa: FBT001, FBT002
        until = _until(block, timeout)
        return self._put_bytes_many(self._encode_all(items), until)

    def _encode_all(self, items: Iterable[Any]) -> list[bytes]:
        """All of them before anything is in; what is wrong is said with its place."""
        every = list(items)
        if self._codec is None:
            self._find_codec()
        assert self._codec is not None
        check_each = self._codec.check_each
        if check_each is not None and (why := check_each(every)) is not None:
            self._refuse(why)
        data = [self._encode(item) for item in every]
        if any(len(one) > LARGEST for one in data):
            self._fail(-errno.EMSGSIZE)
        return data

    def _put_bytes(self, data: bytes, until: int) -> None:
        if len(data) > LARGEST:
            self._fail(-errno.EMSGSIZE)
        if self._is_limited:
            self._put_bytes_many([data], until)
        else:
            self._change(_PUT, (*self._keys,), (self._id, data), until)

    def _put_bytes_many(self, data: list[bytes], until: int) -> int:
        done, warned = 0, False
        while done < len(data):
            self._check_open()
            before = self._ring
            try:
                done += self._change(_PUT, self._keys, (self._id, *_some(data, done)), until)
            except _errors.Full:
                if not warned and until:
                    warn_if_loop_is_running("put_async", 2)
                    warned = True
                if until == 0 or 0 < until <= _core.now():
                    if done:
                        break
                    raise
                if self._stale:  # what the ear has not heard yet is nothing new to us
                    self._look_figures(until)
                News(self, 1, before, until).block()  # somebody rings when there is room
            except (_errors.ShutDown, OSError):
                if done:
                    break
                raise
        return done

    async def put_async(self, item: Any, block: bool = True, timeout: float | None = None) -> None:  # noqa: FBT001, FBT002
        await self.put_many_async([item], block, timeout)

    async def _put_some(self, data: list[bytes], until: int) -> int:
        return int(await self._change_async(_PUT, self._keys, (self._id, *_some(data, 0)), until))

    async def _changed(self, side: int, ticket: int, until: int, *, for_the_end: bool = False) -> bool:  # noqa: ARG002
        if until == 0 or 0 < until <= _core.now():
            return False
        return await self._change_seen(side, ticket, until)


def _some(data: list[bytes], start: int) -> list[bytes]:
    """As many from there on as go into one script."""
    found: list[bytes] = []
    size = 0
    for one in data[start : start + _MOST]:
        if found and size + len(one) > _MOST_BYTES:
            break
        found.append(one)
        size += len(one)
    return found
