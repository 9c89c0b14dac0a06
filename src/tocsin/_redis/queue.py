"""Queue on a server: a stream of items with a group of consumers, what is put off, and who has taken what.

An item is in the stream until it is acked; what comes back is appended anew under a number of its own, so the end of a
claim is one XACK, which is true once. The near class's own methods do the rest: codecs, deliveries, dead letters.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Any

from tocsin import _core
from tocsin._queue import _CODECS, Queue
from tocsin._redis.ear import later
from tocsin._redis.handle import RedisHandle
from tocsin._redis.keyed import RedisKeyed
from tocsin._redis.line import pack
from tocsin._redis.owner import LOOK_NS
from tocsin._redis.queue_join import RedisJoining
from tocsin._redis.queue_put import RedisPutting
from tocsin._redis.queue_take import Claim, RedisTaking
from tocsin._redis.script import script
from tocsin._redis.server import SOON
from tocsin._redis.steps import in_task, in_thread

if TYPE_CHECKING:
    from tocsin._redis.steps import Steps

_PURGE, _PEEK = script("queue_purge"), script("queue_peek")
_FIGURES = ("shut", "ready", "due", "held", "taken", "delayed", "newest", "last", "bytes", "puts")


class RedisQueue(RedisTaking, RedisPutting, RedisJoining, RedisKeyed, RedisHandle, Queue[Any]):
    """What `Queue("name", at="redis://...")` makes: see `Queue`."""

    _fields = ()
    _unlink_script = script("queue_unlink")
    _ring = 0  # grows with whatever is heard
    _newest = b"0-0"  # the last entry of the items that this handle knows of
    _ready_count = _delayed = 0
    _shut = False
    _stale = True
    _look_at = 0  # when (ns) to look again though nothing rings

    def _config(self, *more: Any) -> dict[str, Any]:
        maxsize, max_bytes, max_deliveries, codec, durable = (None if value == -1 else value for value in more)
        start = dict.fromkeys(("shut", "puts", "bytes", "room", "joins"), (None, 0)) | {"nudge": (None, "")}
        fixed = {
            "maxsize": (maxsize, 0),
            "max_bytes": (max_bytes, 0),
            "max_deliveries": (max_deliveries, 5),
            "codec": (codec, 1),
            "durable": (durable, 0),
        }
        return {**fixed, **start}

    def _begin(self, mode: int | None, create: bool, config: dict[str, Any]) -> None:  # noqa: FBT001
        super()._begin(mode, create, config)
        self._items = b"%b:i:%b" % (self._key, self._id)
        self._taken_key = b"%b:t:%b" % (self._key, self._id)
        self._later = b"%b:d:%b" % (self._key, self._id)
        self._keys = (self._key, self._items, self._stream, self._taken_key, self._later)
        fixed = ("maxsize", "max_bytes", "max_deliveries", "codec", "durable")
        self._fixed = {name: int(self._here[name.encode()]) for name in fixed}
        self._is_limited = bool(self._fixed["maxsize"] or self._fixed["max_bytes"])
        try:
            self._ask(pack((b"XGROUP", b"CREATE", self._items, b"g", b"0", b"MKSTREAM")))
        except OSError as error:
            if "BUSYGROUP" not in str(error):
                raise
        self._begin_taking()

    # -- what is known

    def _know(self, found: list[Any], *, anew: bool = False) -> None:
        """All that is known comes by `queue_look`."""

    def _heard(self, answer: Any) -> None:
        for stream, entries in answer:
            if stream == self._items:
                self._newest = max(self._newest, entries[-1][0], key=_order)
            else:
                super()._heard([[stream, entries]])
        self._stale = True
        self._ring += 1

    def _learn(self, fields: dict[bytes, bytes]) -> None:
        """That there are news is all that they say."""

    def _reading(self) -> bytes:
        return pack(
            (b"XREAD", b"COUNT", 1, b"BLOCK", 0, b"STREAMS", self._items, self._stream, self._newest, self._last)
        )

    def _look_there_steps(self, until: int = -1) -> Steps[list[Any]]:
        yield from self._figure_steps(until)
        return []

    def _look_figures(self, until: int = -1) -> dict[str, Any]:
        return in_thread(self._figure_steps(until))

    def _figure_steps(self, until: int) -> Steps[dict[str, Any]]:
        if self._over:
            self._fail(self._over)
        self._stale = False
        return (yield from self._look_steps(b"", until))

    def _found_out(self, answer: list[Any]) -> dict[str, Any]:
        found = dict(zip(_FIGURES, answer, strict=True))
        self._shut, self._ready_count, self._delayed = bool(found["shut"]), found["ready"], found["delayed"]
        if later(found["newest"], self._newest):
            self._newest = found["newest"]
        self._know_last(found["last"])
        now = _core.now()
        looks = []
        if found["held"] or found["taken"]:
            looks.append(now + LOOK_NS)
        if found["due"] >= 0:
            looks.append(now + (found["due"] + 1) * 1_000_000)
        self._look_at = min(looks, default=0)
        return found

    def _know_last(self, last: bytes) -> None:
        """Whose read begins behind it won't hear what came before: so he has to count it as heard."""
        if later(last, self._last):
            self._last = last
            self._ring += 1

    def _refresh(self, until: int) -> None:
        self._newest = self._last = b"0-0"  # after a failover the numbers may be smaller
        try:
            self._look_figures(until)
        except FileNotFoundError:
            return
        self._ring += 1

    def _ticket_of(self, side: int) -> int:  # noqa: ARG002 - any news are a reason to look
        return self._ring

    def _ticket(self) -> int:
        self._stale = True
        return self._ring

    async def _ticket_async(self, until: int) -> int:
        before = self._ring
        await in_task(self._figure_steps(until))
        return before

    def _ready(self) -> bool:
        now = _core.now()
        if self._stale or (self._look_at and now >= self._look_at):
            found = self._look_figures(SOON)
            if not found["ready"] and (found["held"] or found["taken"]) and self._bury_dead(SOON):
                self._look_figures(SOON)
        return bool(self._ready_count or (self._shut and not self._delayed))

    def _verdict(self, seen: int) -> int:
        if seen == (1 << 64) - 1:
            self._stale = True
        try:
            return super()._verdict(seen)
        except FileNotFoundError:
            return self._ring

    def _due(self) -> int:
        due = super()._due()
        return min(due, self._look_at) if due and self._look_at else due or self._look_at

    # -- the rest of queue.Queue

    def shutdown(self, immediate: bool = False) -> None:  # noqa: FBT001, FBT002 - queue.Queue's
        self._change(_PURGE, self._keys, (self._id, int(bool(immediate)), 1))

    def purge(self) -> int:
        return int(self._change(_PURGE, self._keys, (self._id, 1, 0)))

    def qsize(self) -> int:
        return int(self._look_figures()["ready"])

    def empty(self) -> bool:
        return self.qsize() == 0

    def _find_codec(self) -> None:
        """It is known since the queue was opened; a put must not fail because the server can't be asked just now."""
        self._codec = self._coder("raw" if self._fixed["codec"] == _CODECS["raw"] else "json")
        self._limit = self._fixed["max_deliveries"]
        self._use(self._codec)

    def _peek(self) -> bytes:
        self._look_figures()
        found = self._run(_PEEK, self._keys[:2], (self._id,))
        if found is None:
            self._fail_take(-errno.EAGAIN, 0)
        return bytes(found)

    def _figures(self) -> dict[str, Any]:
        self._settle_all()
        found = self._look_figures()
        inside = {key: int(found[key]) for key in ("ready", "delayed", "held", "bytes", "puts", "shut")}
        unfinished = found["ready"] + found["delayed"] + found["held"] + found["taken"]
        fixed = {**self._fixed, "durable": bool(self._fixed["durable"])}
        return {**inside, "unfinished": unfinished, "segments": 0, "file_bytes": 0, **fixed}

    def _stat(self) -> dict[str, Any] | int:
        found = super()._stat()
        if isinstance(found, int):
            return found
        return {**found, "waiting_here": found["waiting_here"] + self._blocked()}


def _order(entry: bytes) -> tuple[int, ...]:
    return tuple(int(part) for part in entry.split(b"-"))


__all__ = ["Claim", "RedisQueue"]
