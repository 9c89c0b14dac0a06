"""Opening an object on a server, or making it, and asking for it there: what a handle's other sides stand on.

Its main key is a hash with what is fixed and what is so; a change is a script that writes the hash and appends to the
stream, or refuses. A refusal becomes the exception that the same has on one host.
"""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, Any

from tocsin._errors import KINDS, ConfigMismatch, ObjectDamaged
from tocsin._place import effective, encode_name
from tocsin._redis.line import pack
from tocsin._redis.script import script
from tocsin._redis.server import Refusal, server_at
from tocsin._redis.steps import in_task, in_thread

if TYPE_CHECKING:
    from typing import NoReturn

    from tocsin._object import Handle, Path
    from tocsin._redis.server import Server
    from tocsin._redis.steps import Steps

    Base = Handle
else:
    Base = object  # it stands in front of the kind, whose memory is the core's

FORMAT = 1
_OPEN = script("open")


class RedisOpened(Base):
    """An object there, by its name and its number."""

    _server: Server
    _over = 0  # a reason, once it was closed or removed
    _here: dict[bytes, bytes]  # the main key as it was when it was opened

    def _start(self, name: Path | None, at: Path | None, mode: int | None, *more: Any, create: bool) -> None:
        if self.is_far:
            raise ValueError("an object is initialised once")
        assert name is not None
        encode_name(name)
        if mode is not None and (isinstance(mode, bool) or not isinstance(mode, int) or mode < 0):
            raise ValueError(f"bad mode {mode!r}: give permission bits, 0o600 to 0o777")
        self._mode = mode
        self._server = server_at(effective(at))
        self.name, self.at = os.fspath(name), self._server.address.shown
        self._key = self._server.key(self.name)
        if mode is not None and (mode & 0o600 != 0o600 or mode > 0o777):  # the same as on one host
            raise self._error(-errno.EDOM)
        self._begin(mode, create, self._config(*more))
        self.is_far = True

    def _config(self, *more: Any) -> dict[str, Any]:  # noqa: ARG002 - a kind's own
        """What is fixed when it is made, as fields of the main key. None: as it is; and what it is made with then."""
        return {}

    def _begin(self, mode: int | None, create: bool, config: dict[str, Any]) -> None:  # noqa: FBT001
        """Open it on the server, or make it."""
        if create and "/" in (self.name or ""):
            self._check_folders()
        given = [f"{field}={value}" for field, (value, _) in config.items() if value is not None]
        fresh: list[Any] = []
        for field, (value, first) in config.items():
            fresh += (field, first if value is None else value)
        identity = int.from_bytes(os.urandom(8)) >> 1
        bits = -1 if mode is None else mode
        args = (self._kind, FORMAT, identity, int(create), bits, len(given), *given, *fresh)
        answer = self._run(_OPEN, (self._key,), args)
        self._here = here = dict(zip(answer[::2], answer[1::2], strict=True))
        try:
            self._id: bytes = here[b"id"]
            self._number, self._created = int(self._id), int(here[b"created"])
            self._bits = int(here[b"mode"])
            self._stream = b"%b:s:%b" % (self._key, self._id)
            self._begin_to_hear(here)
        except (KeyError, ValueError):
            raise self._error(-errno.EUCLEAN) from None

    def _begin_to_hear(self, here: dict[bytes, bytes]) -> None:
        """It is open. What there is of it, is the first that is known."""
        raise NotImplementedError

    def _check_folders(self) -> None:
        """A name is an object or a folder: what lies above a new one must be no object, as on one host.

        That a new one is no folder already, is not asked: it would mean to go through all keys. So there may be both,
        and what is there is opened.
        """
        parts = (self.name or "").split("/")
        above = [self._server.key("/".join(parts[:n])) for n in range(1, len(parts))]
        if self._server.ask(pack((b"EXISTS", *above)), -1) and not self._server.ask(pack((b"EXISTS", self._key)), -1):
            raise self._error(-errno.EMEDIUMTYPE)

    # -- asking

    def _answer_steps(self, steps: Steps[Any]) -> Steps[Any]:
        """A question to the server, whose refusals are about this object."""
        try:
            return (yield from steps)
        except Refusal as refusal:
            raise self._refused(refusal) from None

    def _run_steps(self, script: Any, keys: tuple[Any, ...], args: tuple[Any, ...], until: int = -1) -> Steps[Any]:
        """A script that may run twice."""
        return self._answer_steps(self._server.run_steps(script, keys, args, until))

    def _change_steps(self, script: Any, keys: tuple[Any, ...], args: tuple[Any, ...], until: int = -1) -> Steps[Any]:
        """A script that runs once, whatever is lost on the way."""
        if self._over:
            self._fail(self._over)
        return self._answer_steps(self._server.change_steps(script, keys, args, until))

    def _ask(self, packed: bytes, until: int = -1) -> Any:
        return in_thread(self._answer_steps(self._server.ask_steps(packed, until)))

    def _run(self, script: Any, keys: tuple[Any, ...], args: tuple[Any, ...], until: int = -1) -> Any:
        return in_thread(self._run_steps(script, keys, args, until))

    def _change(self, script: Any, keys: tuple[Any, ...], args: tuple[Any, ...], until: int = -1) -> Any:
        return in_thread(self._change_steps(script, keys, args, until))

    async def _change_async(self, script: Any, keys: tuple[Any, ...], args: tuple[Any, ...], until: int = -1) -> Any:
        return await in_task(self._change_steps(script, keys, args, until))

    def _refused(self, refusal: Refusal) -> Exception:
        if refusal.reason == -errno.EIDRM:
            self._finish(refusal.reason)
        found = self._error(refusal.reason)
        if isinstance(found, ConfigMismatch):
            found.add_note(refusal.text.rpartition("EEXIST ")[2])
        return found

    def _finish(self, reason: int) -> None:
        """It is over for this handle; what ended it first, counts."""
        self._over = self._over or reason

    def _error(self, reason: int) -> Exception:
        if reason == -errno.EUCLEAN:
            key = self._key.decode()
            return ObjectDamaged(
                f"{self.name!r} at {self.at!r} is damaged, or not a tocsin object: remove its key, {key}, or use "
                "another name"
            )
        return super()._error(reason)

    def _check_open(self) -> None:
        if self._over == -errno.ESHUTDOWN:
            self._fail(self._over)

    def _fail(self, reason: int) -> NoReturn:
        raise self._error(reason)

    # -- what it is called

    def _path(self) -> bytes | None:
        return None

    def _title(self) -> str:
        return f"the {KINDS.get(self._kind, self._kind)} {self.name!r} at {self.at!r}"
