"""Topic on a server: a stream in which an entry's number is the emit's, and a cursor for each listener."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tocsin._errors import Unreachable
from tocsin._redis.handle import RedisHandle
from tocsin._redis.keyed import RedisKeyed
from tocsin._redis.script import script
from tocsin._redis.steps import in_task, in_thread
from tocsin._redis.topic_ahead import RedisLookedOutFor
from tocsin._redis.topic_emit import RedisEmitting
from tocsin._redis.topic_hear import RedisHearing
from tocsin._topic import Topic

if TYPE_CHECKING:
    from tocsin._redis.steps import Steps

_MAX_BYTES = 8 << 20  # what is retained, where nobody says how much


class RedisTopic(RedisEmitting, RedisLookedOutFor, RedisHearing, RedisKeyed, RedisHandle, Topic):
    """What `Topic("name", at="redis://...")` makes: see `Topic`."""

    _fields = ("emits", "low", "bytes")
    _unlink_script = script("topic_unlink")

    def _config(self, *more: Any) -> dict[str, Any]:
        (max_bytes,) = more
        first = {"emits": 0, "bytes": 0, "part": 0, "from": 1, "parts": "", "low": 1}
        given = None if max_bytes < 0 else max_bytes
        return {"max_bytes": (given, _MAX_BYTES), **{field: (None, value) for field, value in first.items()}}

    def _begin(self, mode: int | None, create: bool, config: dict[str, Any]) -> None:  # noqa: FBT001
        self._begin_hearing()
        super()._begin(mode, create, config)
        self._max_bytes_there = int(self._here[b"max_bytes"])
        self._keys = (
            self._key,
            self._stream,
            b"%b:l:%b" % (self._key, self._id),
            b"%b:r:%b" % (self._key, self._id),
        )

    # -- what it tells

    def _figures(self) -> dict[str, int]:
        emits, low, size = map(int, self._look_there())
        upcoming = 0 if self._cursor is None else self._cursor + 1
        return {
            "emits": emits,
            "oldest": low,
            "next": upcoming,
            "segments": int(emits >= low),
            "file_bytes": size,
            "max_bytes": self._max_bytes_there,
        }

    @property
    def head(self) -> int:
        return int(self._look_there()[0])

    def _head_by(self, until: int) -> int:
        return int(self._look_there(until)[0])

    def _where(self) -> tuple[str, str]:
        return self.name or "", self._server.address.url

    def _trouble(self) -> Exception | None:
        return in_thread(self._trouble_steps())

    async def _trouble_async(self) -> Exception | None:
        return await in_task(self._trouble_steps())

    def _trouble_steps(self) -> Steps[Exception | None]:
        try:
            yield from self._last_look()
        except Unreachable as error:
            return error
        except (FileNotFoundError, ValueError):  # removed, or closed: whoever reads it tells
            return None
        return None
