"""Queue on a server: a stream of items with a group of consumers, what is put off, and who has taken what.

An item is in the stream until it is acked; what comes back is appended anew under a number of its own, so the end of a
claim is one XACK, which is true once. The near class's own methods do the rest: codecs, deliveries, dead letters.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Any

from tocsin import _core, _errors
from tocsin._codec import LARGEST
from tocsin._queue import _CODECS, Queue, _until
from tocsin._redis.ear import later
from tocsin._redis.handle import RedisHandle
from tocsin._redis.line import pack
from tocsin._redis.owner import LOOK_NS
from tocsin._redis.queue_take import Claim, RedisTaking
from tocsin._redis.script import script
from tocsin._redis.server import Refusal
from tocsin._wait import warn_if_loop_is_running

if TYPE_CHECKING:
    from collections.abc import Iterable

_PUT, _TASK_DONE, _JOIN, _PURGE, _PEEK, _UNLINK = (
    script(f"queue_{name}") for name in ("put", "task_done", "join", "purge", "peek", "unlink")
)
#: How much goes into one script at once.
_MOST, _MOST_BYTES = 500, 4 << 20
_FIGURES = ("shut", "ready", "due", "held", "taken", "delayed", "newest", "last", "bytes", "puts")


class RedisQueue(RedisTaking, RedisHandle, Queue[Any]):
    """What `Queue("name", at="redis://...")` makes: see `Queue`."""

    _fields = ()
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

    def _look_there(self, until: int = 0) -> list[Any]:
        self._look_figures(until)
        return []

    def _look_figures(self, until: int = 0) -> dict[str, Any]:
        if self._over:
            self._fail(self._over)
        self._stale = False
        return self._found_out(self._run(self._look_script, self._keys, (self._id, b""), until))

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

    def _ready(self) -> bool:
        now = _core.now()
        if self._stale or (self._look_at and now >= self._look_at):
            found = self._look_figures()
            if not found["ready"] and (found["held"] or found["taken"]) and self._bury_dead(0):
                self._look_figures()
        return bool(self._ready_count or (self._shut and not self._delayed))

    def _judge(self, seen: int) -> int:
        if seen == (1 << 64) - 1:
            self._stale = True
        try:
            return super()._judge(seen)
        except FileNotFoundError:
            return self._ring

    def _due(self) -> int:
        due = super()._due()
        return min(due, self._look_at) if due and self._look_at else due or self._look_at

    # -- putting

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
                self._until_news(before, until)
            except (_errors.ShutDown, OSError):
                if done:
                    break
                raise
        return done

    def _until_news(self, before: int, until: int) -> None:
        """Somebody rings when there is room, or when all is done."""

        def over() -> bool:
            self._check()
            return self._ring != before

        self._listens().wait(over, until)

    async def _put_some(self, data: list[bytes], until: int) -> int:
        return int(await self._change_async(_PUT, self._keys, (self._id, *_some(data, 0)), until))

    async def put_async(self, item: Any, block: bool = True, timeout: float | None = None) -> None:  # noqa: FBT001, FBT002
        await self.put_many_async([item], block, timeout)

    async def put_many_async(self, items: Iterable[Any], block: bool = True, timeout: float | None = None) -> int:  # noqa: FBT001, FBT002
        data = self._encode_all(items)
        until, done = _until(block, timeout), 0
        while done < len(data):
            before = self._ring
            try:
                done += await self._put_some(data[done:], until)
            except _errors.Full:
                if until == 0 or 0 < until <= _core.now() or not await self._change_seen(1, before, until):
                    if done:
                        break
                    raise
            except (_errors.ShutDown, OSError):
                if done:
                    break
                raise
        return done

    # -- the rest of queue.Queue

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
        until = _core.deadline(timeout)
        warned = False
        self._settle_all()
        while True:
            before = self._ring
            unfinished = self._unfinished(until)
            if not unfinished:
                return True
            if self._bury_dead(until):
                continue
            if until == 0 or 0 < until <= _core.now():
                return False
            if not warned:
                warn_if_loop_is_running("join_async", 1)
                warned = True
            look = _core.now() + LOOK_NS

            def over(before: int = before) -> bool:
                self._check()
                return self._ring != before

            self._listens().wait(over, look if until < 0 else min(until, look))

    def _unfinished(self, until: int) -> int:
        if self._over:
            self._fail(self._over)
        count, last = self._run(_JOIN, self._keys, (self._id,), until)
        self._know_last(last)
        return int(count)

    async def join_async(self, timeout: float | None = None) -> bool:
        until = _core.deadline(timeout)
        self._settle_all()
        while True:
            before = self._ring
            if not self._unfinished(until):
                return True
            if self._bury_dead(until):
                continue
            if until == 0 or 0 < until <= _core.now():
                return False
            look = _core.now() + LOOK_NS
            await self._change_seen(1, before, look if until < 0 else min(until, look))

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

    def _unlink(self) -> int:
        if self._over:
            return self._over
        try:
            self._server.run(_UNLINK, self._keys, (self._id,), -1)
        except Refusal as refusal:
            return refusal.reason
        return 0


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


def _order(entry: bytes) -> tuple[int, ...]:
    return tuple(int(part) for part in entry.split(b"-"))


__all__ = ["Claim", "RedisQueue"]
