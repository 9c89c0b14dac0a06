"""RedisHandle: what every object on a server is in Python, in place of the core's handle.

A kind is a class `class RedisEvent(RedisHandle, Event)`: what differs from one host stands there, everything else is
said once, in `Event`. A handle is opened, asks (`handle_open`), knows what it was told last (`handle_news`), waits
(`handle_wait`), and has a life.
"""

from __future__ import annotations

import contextlib
import errno
from typing import Any

from tocsin._errors import ObjectDamaged
from tocsin._redis.handle_wait import NEVER, RedisWaited
from tocsin._redis.script import script
from tocsin._redis.server import Refusal

_UNLINK = script("unlink")


class RedisHandle(RedisWaited):
    """The mix-in of all kinds."""

    # -- life

    def _close(self) -> None:
        self._over = -errno.ESHUTDOWN
        ear = getattr(self, "_ear", None)  # it may never have been opened
        if ear is not None:
            ear.close()

    def _cancel(self) -> None:
        self._check_open()
        self._stopped = True
        self._ear.rouse()

    def _unlink(self) -> int:
        if self._over:
            return self._over
        try:
            self._server.run(_UNLINK, (self._key, self._stream), (self._id,), -1)
        except Refusal as refusal:
            return refusal.reason
        self._finish(-errno.EIDRM)
        return 0

    def __reduce__(self) -> tuple[Any, ...]:
        carried = tuple(getattr(self, f"_{argument}") for argument in self._carried)
        return rebuild, (near(type(self)), self.name, self._server.address.url, self._mode, *carried)

    # -- what it tells

    def _stat(self) -> dict[str, Any] | int:
        if self._over == -errno.ESHUTDOWN:
            return self._over
        with contextlib.suppress(FileNotFoundError):
            self._look_there()
        if self._over == -errno.ESHUTDOWN:
            return self._over
        ear = self._ear
        return {
            "id": self._number,
            "created_ns": self._created * 1000,
            "mode": self._bits,
            "kind": self._kind,
            "removed": self._over == -errno.EIDRM,
            "listeners": ear.line is not None or ear.threads > 0,
            "sleepers": ear.threads > 0,
            "waiting_here": ear.threads,
            "writable": True,
        }

    def __repr__(self) -> str:
        try:
            with contextlib.suppress(FileNotFoundError, ValueError):
                self._look_there(0)  # not for as long as one has patience: people look on
            return super().__repr__()
        except ObjectDamaged:
            return f"<tocsin.{self._class} {self.name!r} at {self.at!r}: damaged>"
        except OSError:
            return f"<tocsin.{self._class} {self.name!r} at {self.at!r}: its server can't be reached>"

    def _check_name(self) -> int:
        with contextlib.suppress(OSError, ValueError, ObjectDamaged):  # its own next call tells
            self._look_there(0)
        return 0


def near(cls: type) -> Any:
    """The class that a program names: `far` turns it into this one again."""
    made = cls.__dict__.get("_near")
    return made or next(base for base in cls.__mro__ if not base.__module__.startswith("tocsin._redis."))


def rebuild(cls: Any, name: str, at: str, mode: int | None, *carried: Any) -> Any:
    return cls(name, at=at, mode=mode, **dict(zip(cls._carried, carried, strict=True)))


__all__ = ["NEVER", "RedisHandle"]
