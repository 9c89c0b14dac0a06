"""Topic on a server: a stream in which an entry's number is the emit's, and a cursor for each listener.

A listener's ear reads the entries themselves, so what wakes it brings what it waits for. In front of each such read it
says how far it has read, for those who emit with `wait`: a hash has the cursors of all listeners, each by the owner
(`owner`) that it belongs to, so that the dead can be told.
"""

from __future__ import annotations

import errno
import itertools
import os
from functools import cache
from typing import TYPE_CHECKING, Any

from tocsin import _core
from tocsin._errors import Unreachable
from tocsin._redis.backlog import Backlog
from tocsin._redis.handle import NEVER, RedisHandle
from tocsin._redis.line import pack
from tocsin._redis.owner import LOOK_NS, owner_of_process
from tocsin._redis.script import Script, script
from tocsin._redis.server import Refusal
from tocsin._topic import Topic
from tocsin._wait import loop_is_running, warn_if_loop_is_running

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tocsin._redis.ear import Ear
    from tocsin._topic import Heard

    Row = tuple[int, list[bytes]]

_EMIT, _LISTEN, _READ, _LEAVE, _HEARD, _UNLINK = (
    script(f"topic_{what}") for what in ("emit", "listen", "read", "leave", "heard", "unlink")
)
_MAX_BYTES = 8 << 20  # what is retained, where nobody says how much
_OVERHEAD, _PARTS = 32, 16  # of each entry, and of all: as scripts/topic_emit.lua counts
#: How many entries one answer has at the most; and emits in one change, in which the server does nothing else.
_COUNT, _BATCH, _BATCH_BYTES = 256, 1000, 1 << 20
_SKIP = pack((b"CLIENT", b"REPLY", b"SKIP"))
_handles = itertools.count(1)


class RedisTopic(RedisHandle, Topic):
    """What `Topic("name", at="redis://...")` makes: see `Topic`."""

    _fields = ("emits", "low", "bytes")
    _emits = 0
    _cursor: int | None = None  # the number of the last that was read; None: it does not listen
    _told: int | None = -1  # the cursor as the server knows it
    _unsaid = 0  # bytes that were read since then, while more was left to be read
    _backlog: Backlog
    _listener = b""  # as the server knows it
    _pid = 0  # of the process that the server knows it in
    _judged = 0  # when it was last asked which listeners are dead

    def _config(self, *more: Any) -> dict[str, Any]:
        (max_bytes,) = more
        first = {"emits": 0, "bytes": 0, "part": 0, "from": 1, "parts": "", "low": 1}
        given = None if max_bytes < 0 else max_bytes
        return {"max_bytes": (given, _MAX_BYTES), **{field: (None, value) for field, value in first.items()}}

    def _begin(self, mode: int | None, create: bool, config: dict[str, Any]) -> None:  # noqa: FBT001
        self._looked_at = _core.now()
        self._token = next(_handles)
        super()._begin(mode, create, config)
        self._max_bytes_there = int(self._here[b"max_bytes"])
        self._keys = (
            self._key,
            self._stream,
            b"%b:l:%b" % (self._key, self._id),
            b"%b:r:%b" % (self._key, self._id),
        )

    # -- what is known

    def _know(self, found: list[Any], *, anew: bool = False) -> None:
        emits = int(found[0])
        if emits > self._emits or anew:
            self._emits = emits
        if anew and self._cursor is not None:
            self._told = -1
            if emits < self._backlog.last:  # a replica took over that had not heard of them
                self._backlog = Backlog(emits)
                self._cursor = min(self._cursor, emits)

    def _heard(self, answer: Any) -> None:
        for _, entries in answer:
            self._take_entries(entries)

    def _take_entries(self, entries: list[Any]) -> None:
        if entries and entries[-1][1][0] == b"removed":
            self._finish(-errno.EIDRM)
        elif entries:
            self._backlog.add(entries)
            self._emits = max(self._emits, self._backlog.last)

    def _ticket_of(self, side: int) -> int:  # noqa: ARG002 - emitters that wait don't wait by it
        return 0 if self._cursor is None else self._backlog.last

    def _ready(self) -> bool:
        return self._cursor is not None and (bool(self._backlog.rows) or self._emits > self._backlog.last)

    def _reading(self) -> bytes:
        """Nothing is asked for while something is left to be read: what isn't read stays on the server."""
        if self._cursor is None or self._backlog.rows:
            return b""
        # Removed or not: after the last emit there may be one entry more.
        packed = pack((b"XREAD", b"COUNT", _COUNT, b"BLOCK", 0, b"STREAMS", self._stream, b"%d-0" % self._backlog.last))
        return packed if self._told == self._cursor else self._telling() + packed

    def _telling(self) -> bytes:
        """What says how far it has read; nothing is answered."""
        self._told, self._unsaid = self._cursor, 0
        self._listener = self._here_as()
        return _SKIP + _whole(_HEARD, self._keys, (self._id, self._listener, self._cursor))

    # -- listening

    def _here_as(self) -> bytes:
        """This handle as a listener: a fork's child has another owner."""
        return b"%b.%d" % (owner_of_process(self._server).id, self._token)

    def _subscribe(self, replay: int) -> int:
        if self._over:
            return self._over
        if self._cursor is not None:
            return 0
        listener = self._here_as()
        self._told = int(self._run(_LISTEN, self._keys, (self._id, listener, replay)))
        self._listener = listener
        self._backlog = Backlog(self._told)
        self._cursor = self._told
        self._pid = os.getpid()
        ear = self._listens()
        ear.looked = self._looked_at
        ear.was_there = True  # its first connection may be to a server that began anew since
        return 0

    def _hears(self) -> Ear:
        if self._over:
            self._fail(self._over)
        if self._cursor is None:
            self._fail_read(-errno.ENOTCONN, 0)
        if self._pid != os.getpid():  # a fork's child goes on from there, as a listener of its own
            self._pid = os.getpid()
            self._look_for_more(-1)
        return self._listens()

    def _take(self, limit: int, *, chunk: bool = False) -> Row | None:
        """What has come and can be read, and what ends reading. The ear's lock is held."""
        if self._over:
            self._fail(self._over)
        row = self._backlog.take_chunk(limit) if chunk else self._backlog.take(limit)
        if row is None:
            if self._stopped:
                self._fail(-errno.ECANCELED)
            return None
        first, payloads = row
        if isinstance(payloads, int):
            self._cursor = first + payloads - 1
            self._fail_read(-errno.EOVERFLOW, payloads)
        self._cursor = first + len(payloads) - 1
        if self._backlog.rows:
            self._unsaid += sum(map(len, payloads)) + _OVERHEAD * len(payloads)
        return first, payloads

    def _next(self, limit: int, until: int, twin: str, *, chunk: bool = False) -> Row | None:
        """One row of what comes; None at the deadline."""
        ear = self._hears()

        def over() -> Row | None:
            return self._take(limit, chunk=chunk)

        if chunk and until == 0:  # all that is there, as far as it may be
            self._look_for_more(0)
        with ear.lock:
            if not self._backlog.rows:
                ear.take()
            found = over()
        if found is None and until != 0 and loop_is_running():
            self._look_for_more(0)
            with ear.lock:
                found = over()
            if found is None:
                warn_if_loop_is_running(twin, 3)
        if found is None and until != 0:
            found = ear.wait(over, until)
        if found is None:  # the server may have had too little time to say what is there
            self._look_for_more(until)
            with ear.lock:
                found = over()
        return found

    def _look_for_more(self, until: int) -> None:
        """Ask what is there."""
        self._came_all(self._run(_READ, self._keys, self._read_args(), until))

    async def _look_for_more_async(self, until: int) -> None:
        from tocsin._redis import asks

        try:
            entries = await asks.run(self._server, _READ, self._keys, self._read_args(), until)
        except Refusal as refusal:
            raise self._refused(refusal) from None
        self._came_all(entries)

    def _read_args(self) -> tuple[Any, ...]:
        self._listener = self._here_as()
        return self._id, self._listener, self._backlog.last, _COUNT

    def _came_all(self, entries: list[Any]) -> None:
        with self._listens().lock:
            self._take_entries(entries)
            self._told = self._backlog.last

    def _go_on(self) -> None:
        """After what was read: ask for more, before anybody waits for it, and say how far it has read.

        While more is left, it says so after each sixteenth of what is retained, because that is what goes at once.
        """
        ear = self._ear
        if ear.line is not None and not ear.armed:
            with ear.lock:
                if not self._over:
                    ear.arm()
                if self._backlog.rows and self._unsaid > self._max_bytes_there // _PARTS:
                    ear.send(self._telling())
        self._show()

    def _read(self, until: int) -> Heard | None:
        row = self._next(1, until, "read_async")
        self._go_on()
        return None if row is None else (row[0], row[1][0])

    def _read_many(self, limit: int, until: int) -> list[Heard]:
        row = self._next(limit, until, "read_many_async", chunk=True)
        self._go_on()
        return [] if row is None else list(enumerate(row[1], row[0]))

    def _read_lines(self, limit: int, until: int) -> tuple[int, int, bytes | list[bytes]] | None:
        row = self._next(limit, until, "read_many_async")
        if row is None:
            return None
        first, payloads = row
        count = len(payloads)
        if count == _COUNT:  # there is more: let it come while this is read
            self._go_on()
        lines = payloads[0] if count == 1 else b"\n".join(payloads)
        sound = lines.count(b"\n") == count - 1 and all(payloads)
        return first, count, lines if sound else payloads

    async def read_async(self, timeout: float | None = None) -> Heard:
        row = await self._next_async(1, _core.data_deadline(timeout))
        return row[0], row[1][0]

    async def read_many_async(self, limit: int, timeout: float | None = None) -> list[Heard]:
        from tocsin._topic import _check_limit

        _check_limit(limit)
        row = await self._next_async(limit, _core.data_deadline(timeout))
        return list(enumerate(row[1], row[0]))

    async def _next_async(self, limit: int, until: int) -> Row:
        from tocsin._topic import _nothing

        ear = self._hears()
        came = True
        while came:
            with ear.lock:
                ear.take()
                row = self._take(limit, chunk=True)
            if row is None:
                came = until != 0 and await self._change_seen(0, self._backlog.last, until)
            else:
                self._go_on()
                return row
        await self._look_for_more_async(until)  # as in `_next`
        with ear.lock:
            row = self._take(limit, chunk=True)
        if row is None:
            _nothing()
        self._go_on()
        return row

    # -- emitting

    def emit(self, payload: bytes, *, wait: float | None = 0.0) -> int:
        if not isinstance(payload, bytes):
            raise TypeError(f"a payload must be bytes, not {type(payload).__name__}")
        if wait != 0 or len(payload) + _OVERHEAD > self._max_bytes_there or len(payload) > _core.MESSAGE_MAX:
            return self.emit_many((payload,), wait=wait)
        number: int = self._change(_EMIT, self._keys, (self._id, 0, payload))
        return number

    def emit_many(self, payloads: Iterable[bytes], *, wait: float | None = 0.0) -> int:
        left = self._sound(payloads)
        if not left:
            return self.head
        until = _core.deadline(wait)
        done, number = 0, 0
        try:
            while left:
                batch = _some(left)
                answer = self._change(_EMIT, self._keys, (self._id, int(until != 0), *batch))
                number, some, seen = (answer, len(batch), None) if isinstance(answer, int) else answer
                done += some
                del left[:some]
                if seen is not None and some < len(batch):
                    self._await_room(seen, until)
        except Exception as error:
            error.done = done  # type: ignore[attr-defined]
            raise
        return number

    async def emit_async(self, payload: bytes, *, wait: float | None = 0.0) -> int:
        until = _core.deadline(wait)
        (payload,) = self._sound((payload,))
        while True:
            answer = await self._change_async(_EMIT, self._keys, (self._id, int(until != 0), payload))
            if isinstance(answer, int):
                return answer
            await self._await_room_async(answer[2], until)

    def _emit_now(self, payload: bytes) -> int:
        answer = self._change(_EMIT, self._keys, (self._id, 1, *self._sound((payload,))))
        return answer if isinstance(answer, int) else -errno.EAGAIN

    def _sound(self, payloads: Iterable[bytes]) -> list[bytes]:
        found = list(payloads)
        most = min(self._max_bytes_there - _OVERHEAD, _core.MESSAGE_MAX)
        for payload in found:
            if not isinstance(payload, bytes):
                raise TypeError(f"a payload must be bytes, not {type(payload).__name__}")
            if len(payload) > most:
                self._fail_emit(-errno.EMSGSIZE, 0)
        return found

    def _await_room(self, seen: bytes, until: int) -> None:
        """Until a listener has come further than it was; at most until it is time to ask who is dead."""
        packed, end = self._room_question(seen, until)
        warn_if_loop_is_running("emit_async", 2)
        with self._ear.counted():
            if not self._bury(self._listeners()):
                self._ask(packed, end)

    async def _await_room_async(self, seen: bytes, until: int) -> None:
        from tocsin._redis import asks

        packed, end = self._room_question(seen, until)
        with self._ear.counted():
            if not self._bury(self._listeners()):
                await asks.ask(self._server, packed, end)

    def _room_question(self, seen: bytes, until: int) -> tuple[bytes, int]:
        self._check()
        now = _core.now()
        if 0 <= until <= now:
            self._fail_emit(-errno.EAGAIN, 0)
        pause = LOOK_NS if until < 0 else min(LOOK_NS, until - now)
        block = max(1, pause // 1_000_000)
        # The answer has time enough to come on a busy host.
        return pack((b"XREAD", b"BLOCK", block, b"STREAMS", self._keys[3], seen)), now + pause + 4 * LOOK_NS

    # -- listeners, everybody's

    def _listeners(self) -> dict[bytes, int]:
        found = self._ask(pack((b"HGETALL", self._keys[2])), 0)
        return dict(zip(found[::2], map(int, found[1::2]), strict=True))

    def _bury(self, listeners: dict[bytes, int], *, at_once: bool = False) -> set[bytes]:
        """Who of them is dead: it is taken out, and nobody waits for it any more. Asked once a second at the most."""
        now = _core.now()
        if not at_once and now - self._judged < LOOK_NS:
            return set()
        self._judged = now
        owners = {listener.partition(b".")[0] for listener in listeners}
        try:
            dead = self._server.judge.dead_among(self._server, owners)
        except Unreachable:  # the question that follows says so, if it lasts
            return set()
        gone = {listener for listener in listeners if listener.partition(b".")[0] in dead}
        if gone:
            self._server.run(_LEAVE, self._keys, (self._id, *gone), 0)
            for owner in dead:
                self._server.judge.forgive(owner)
        return gone

    @property
    def subscribers(self) -> int:
        self._look_there()
        listeners = self._listeners()
        return len(listeners) - len(self._bury(listeners, at_once=True))

    def _slowest(self) -> int:
        listeners = self._listeners()
        gone = self._bury(listeners, at_once=True)
        return min((cursor for listener, cursor in listeners.items() if listener not in gone), default=NEVER)

    # -- life

    def _leave(self) -> None:
        """Nobody is to wait for this listener. The answer is not waited for: it is the last thing that we want."""
        listener, self._listener = self._listener, b""
        server = self._server
        if not listener or server.owner is None or not listener.startswith(server.owner.id):
            return  # or it is the parent's
        packed = _whole(_LEAVE, self._keys, (self._id, listener))
        try:
            line = server.take(_core.now() + LOOK_NS // 10)
            line.send_all(packed, _core.now() + LOOK_NS // 10)
            line.close()
        except (OSError, ValueError):  # it can't be reached: then nobody waits there, either
            return

    def _close(self) -> None:
        if self._over != -errno.ESHUTDOWN:
            super()._close()
            self._leave()

    def __del__(self) -> None:
        if getattr(self, "_listener", b"") and self._over != -errno.ESHUTDOWN:
            self._leave()

    def _unlink(self) -> int:
        if self._over:
            return self._over
        try:
            self._server.run(_UNLINK, self._keys, (self._id,), -1)
        except Refusal as refusal:
            return refusal.reason
        self._finish(-errno.EIDRM)
        return 0

    # -- what it tells

    def _is_behind(self) -> bool:
        """Has more come? The server is not asked."""
        ear = self._ear
        with ear.lock:
            ear.take()
            return bool(self._backlog.rows)

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

    @property
    def cursor(self) -> int | None:
        if self._over:
            self._fail(self._over)
        return self._cursor

    def _where(self) -> tuple[str, str]:
        return self.name or "", self._server.address.url

    def _trouble(self) -> Exception | None:
        return self._ear.lost


def _some(payloads: list[bytes]) -> list[bytes]:
    """What goes in one change: one at least."""
    size = 0
    for n, payload in enumerate(payloads[:_BATCH]):
        size += len(payload)
        if size > _BATCH_BYTES and n:
            return payloads[:n]
    return payloads[:_BATCH]


def _whole(script: Script, keys: tuple[Any, ...], args: tuple[Any, ...]) -> bytes:
    """A script with its text, for those who don't wait for an answer that would say that it isn't known."""
    return pack((b"EVAL", _text(script), len(keys), *keys, *args))


@cache
def _text(script: Script) -> bytes:
    """Without comments, because it is sent each time."""
    rows = (row.strip() for row in script.text.splitlines())
    return b"\n".join(row for row in rows if not row.startswith(b"--"))
