"""Hearing: how a topic's listener gets what comes, and says how far it has read.

Its ear reads the entries themselves, so what wakes it brings what it waits for. In front of each such read it says how
far it has read, for those who emit with `wait`. What isn't asked for stays on the server.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
from functools import cache
from typing import TYPE_CHECKING, Any

from tocsin import _core
from tocsin._redis.backlog import Backlog
from tocsin._redis.line import pack
from tocsin._redis.owner import CONNECT_NS, LOOK_NS, owner_of_process
from tocsin._redis.script import Script, script
from tocsin._redis.steps import in_task, in_thread
from tocsin._wait import loop_is_running, warn_if_loop_is_running

if TYPE_CHECKING:
    from tocsin._redis.ear import Ear
    from tocsin._redis.handle import RedisHandle
    from tocsin._redis.steps import Steps
    from tocsin._redis.topic_mark import Mark
    from tocsin._topic import Heard, Topic

    Row = tuple[int, list[bytes]]

    class Base(RedisHandle, Topic):
        """What it is mixed into."""

else:
    Base = object

_LISTEN, _READ, _LEAVE, _HEARD = (script(f"topic_{what}") for what in ("listen", "read", "leave", "heard"))
OVERHEAD, _PARTS = 32, 16  # of each entry, and of all: as scripts/topic_emit.lua counts
_COUNT = 256  # entries that one answer has at the most
_SKIP = pack((b"CLIENT", b"REPLY", b"SKIP"))
_handles = itertools.count(1)


class RedisHearing(Base):
    """The listening side of a topic's handle."""

    _keys: tuple[bytes, ...]
    _max_bytes_there: int
    _emits = 0
    _cursor: int | None = None  # the number of the last that was read; None: it does not listen
    _told: int | None = -1  # the cursor as the server knows it
    _unsaid = 0  # bytes that were read since then, while more was left to be read
    _backlog: Backlog
    _listener = b""  # as the server knows it
    _pid = 0  # of the process that the server knows it in

    def _begin_hearing(self) -> None:
        self._looked_at = _core.now()
        self._token = next(_handles)

    # -- what is known

    def _know(self, found: list[Any], *, anew: bool = False) -> None:
        emits, before = int(found[0]), self._emits
        if emits > self._emits or anew:
            self._emits = emits
            if emits < before:  # a replica took over that had not heard of them
                self._fallen = emits
        if anew and self._cursor is not None:
            self._told = -1
            if emits < self._backlog.last:
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
        until = _core.now() + CONNECT_NS  # as for the owner: who begins to listen may have a deadline
        self._told = int(self._run(_LISTEN, self._keys, (self._id, listener, replay), until))
        self._listener = listener
        self._backlog = Backlog(self._told)
        self._cursor = self._told
        self._pid = os.getpid()
        ear = self._listens()
        ear.looked = self._looked_at
        ear.asks_first = True  # its first connection may be to a server that began anew since
        return 0

    def _ask_where(self, until: int) -> Mark:
        """Where it is now, for a task that begins to wait: the answer is not waited for."""
        from tocsin._redis.topic_mark import Mark

        self._check()
        return Mark(self, until)

    def _begin_at(self, number: int) -> None:
        """Of one that has just begun to listen, and has read nothing: behind this number, if it is earlier."""
        with self._ear.lock:
            if self._cursor is not None and number < self._cursor:
                self._cursor = number
                self._backlog = Backlog(number)

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
            self._unsaid += sum(map(len, payloads)) + OVERHEAD * len(payloads)
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
        in_thread(self._more_steps(until))

    def _more_steps(self, until: int) -> Steps[None]:
        """Ask what is there."""
        self._came_all((yield from self._run_steps(_READ, self._keys, self._read_args(), until)))

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
        await in_task(self._more_steps(until))  # as in `_next`
        with ear.lock:
            row = self._take(limit, chunk=True)
        if row is None:
            _nothing()
        self._go_on()
        return row

    # -- leaving

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
            with contextlib.suppress(Exception):  # at the interpreter's end much is gone already
                self._leave()

    # -- what it tells

    def _is_behind(self) -> bool:
        """Has more come? The server is not asked."""
        ear = self._ear
        with ear.lock:
            ear.take()
            return bool(self._backlog.rows)

    @property
    def cursor(self) -> int | None:
        if self._over:
            self._fail(self._over)
        return self._cursor


def _whole(script: Script, keys: tuple[Any, ...], args: tuple[Any, ...]) -> bytes:
    """A script with its text, for those who don't wait for an answer that would say that it isn't known."""
    return pack((b"EVAL", _text(script), len(keys), *keys, *args))


@cache
def _text(script: Script) -> bytes:
    """Without comments, because it is sent each time."""
    rows = (row.strip() for row in script.text.splitlines())
    return b"\n".join(row for row in rows if not row.startswith(b"--"))
