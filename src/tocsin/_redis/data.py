"""DataEvent on a server: a version in a hash, and the value in the last entry of a stream of length 1.

So whoever sleeps gets the value together with the news. A handle keeps the last value that it was told, and the entry
that this was: a look says which one it has, and is answered with the value only if that is another.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Any

from tocsin import _core
from tocsin._cursor import T
from tocsin._data import DataEvent, expected
from tocsin._redis.cursor import RedisCursor
from tocsin._redis.script import script
from tocsin._redis.steps import in_task, in_thread
from tocsin._wait import warn_if_loop_is_running

if TYPE_CHECKING:
    from tocsin._redis.steps import Steps

_SIGNAL = script("data_signal")
_LOOK = script("data_look")
_NOTHING = (b"", 0, b"")


class RedisDataEvent(RedisCursor, DataEvent[T]):
    """What `DataEvent("name", at="redis://...")` makes: see `DataEvent`."""

    _fields = ("version",)
    #: The value that was told last, its version and its entry.
    _held: tuple[bytes, int, bytes] = _NOTHING

    def _begin(self, mode: int | None, create: bool, config: dict[str, Any]) -> None:  # noqa: FBT001
        super()._begin(mode, create, config)
        self._cursor = 0 if self._replay else self._count

    # -- what is known

    def _know(self, found: list[Any], *, anew: bool = False) -> None:
        if anew:
            self._held = _NOTHING
        super()._know(found, anew=anew)

    def _learn(self, fields: dict[bytes, bytes]) -> None:
        version = int(fields[b"version"])
        self._hold(fields[b"data"], version, self._entry)
        self._know([version])

    def _hold(self, raw: bytes, version: int, entry: bytes) -> None:
        with self._ear.lock:
            if version >= self._held[1]:
                self._held = (raw, version, entry)

    def _take(self) -> bytes:
        """The value that is held, if this handle has not had it, else b""; now it has."""
        with self._ear.lock:
            raw, version, _ = self._held
            if version > self._cursor:
                self._cursor = version
                return raw
        return b""

    # -- asking for the value

    def _fetch_steps(self, until: int) -> Steps[bytes]:
        """The present value, which is then held; b"" if there is none."""
        if self._over:
            self._fail(self._over)
        held, known = self._held, self._count
        found = yield from self._run_steps(_LOOK, (self._key, self._stream), (self._id, held[2]), until)
        return self._fetched(found, held, known)

    def _fetched(self, found: list[Any], held: tuple[bytes, int, bytes], known: int) -> bytes:
        last, version, *more = found
        raw: bytes = more[0] if more else held[0]
        self._take_in(last, [version])
        if raw:
            self._hold(raw, int(version), last)
        self._compared([version], known)
        return raw

    # -- writing

    def _signal(self, data: bytes, if_version: int, until: int) -> int:
        if len(data) > _core.MESSAGE_MAX:
            return -errno.EMSGSIZE
        found = self._change(_SIGNAL, (self._key, self._stream), (self._id, data, if_version), until)
        return self._signalled(found, data)

    async def signal_async(self, data: T, *, if_version: int | None = None) -> int:
        raw, version = self._codec.encode(data), expected(if_version)
        if len(raw) > _core.MESSAGE_MAX:
            self._fail(-errno.EMSGSIZE)
        found = await self._change_async(_SIGNAL, (self._key, self._stream), (self._id, raw, version))
        done = self._signalled(found, raw)
        if done < 0:
            raise self._conflict(int(found[1]), if_version)
        return done

    def _signalled(self, found: list[Any], raw: bytes) -> int:
        entry, version = found
        if not entry:
            return -errno.ESTALE
        if entry != b"0-0":
            self._hold(raw, int(version), entry)
        self._take_in(entry, [version])
        self._show()
        return int(version)

    @property
    def version(self) -> int:
        return self._now()

    # -- reading

    def _latest(self) -> bytes | int:
        found = in_thread(self._fetch_steps(-1))
        self._show()
        return found or -errno.ENODATA

    def _wait(self, timeout: float | None, twin: str) -> bytes | int:
        return in_thread(self._wait_steps(_core.data_deadline(timeout), twin)) or 0

    async def _look_async(self, until: int) -> bytes | int:
        return await in_task(self._wait_steps(until, "")) or 0

    def _wait_steps(self, until: int, twin: str) -> Steps[bytes]:
        self._check()
        yield from self._fetch_steps(until)
        while True:
            seen = self._count
            self._check()
            raw = self._take()
            if raw or until == 0:
                break
            if twin:
                warn_if_loop_is_running(twin, 3)
                twin = ""
            if self._ready():  # it is known only that there is another
                yield from self._fetch_steps(until)
            elif not (yield from self._until_steps(0, seen, until)):
                break
        self._show()
        return raw
