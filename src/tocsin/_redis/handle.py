"""RedisHandle: what every object on a server is in Python, in place of the core's handle.

A kind is a class `class RedisEvent(RedisHandle, Event)`: what differs from one host stands there, everything else is
said once, in `Event`. A handle knows what it was told last (`_heard` by its ear, `_refresh` by a look), and where in
its stream that was. Its main key is a hash with what is fixed and what is so; a change is a script that writes the hash
and appends to the stream, or refuses.
"""

from __future__ import annotations

import contextlib
import errno
import os
from typing import TYPE_CHECKING, Any

from tocsin import _core
from tocsin._errors import KINDS, ConfigMismatch, ObjectDamaged, Unreachable
from tocsin._place import effective, encode_name
from tocsin._redis.ear import Ear, later, read_after
from tocsin._redis.line import pack
from tocsin._redis.script import script
from tocsin._redis.server import Refusal, server_at

if TYPE_CHECKING:
    from typing import NoReturn

    from tocsin._object import Handle, Path
    from tocsin._redis.server import Server

    Base = Handle
else:
    Base = object  # it stands in front of the kind, whose memory is the core's

#: A ticket that nothing passes: the present state is what counts, so it is looked at (`_ready`).
NEVER = (1 << 64) - 1
FORMAT = 1
OPEN = script("open")
UNLINK = script("unlink")


class RedisHandle(Base):
    """The mix-in. `_fields` are what a look asks for; `_know` takes them in."""

    _server: Server
    _ear: Ear
    _over = 0  # a reason, once it was closed or removed
    _stopped = False  # cancelled
    _last = b"0-0"  # the last entry of the stream that this handle knows of
    _entry = b""  # that `_learn` is about
    _here: dict[bytes, bytes]  # the main key as it was when it was opened

    #: Fields of the main key that `_look` asks for beyond id and last.
    _fields: tuple[str, ...] = ()

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
        if mode is not None and (mode & 0o600 != 0o600 or mode > 0o777):
            raise self._error(-errno.EDOM)
        if create and "/" in (self.name or ""):
            self._check_folders()
        given = [f"{field}={value}" for field, (value, _) in config.items() if value is not None]
        fresh: list[Any] = []
        for field, (value, first) in config.items():
            fresh += (field, first if value is None else value)
        identity = int.from_bytes(os.urandom(8)) >> 1
        bits = -1 if mode is None else mode
        args = (self._kind, FORMAT, identity, int(create), bits, len(given), *given, *fresh)
        answer = self._run(OPEN, (self._key,), args)
        self._here = here = dict(zip(answer[::2], answer[1::2], strict=True))
        self._ear = Ear(self, self._server)
        try:
            self._id: bytes = here[b"id"]
            self._number, self._created = int(self._id), int(here[b"created"])
            self._bits = int(here[b"mode"])
            self._stream = b"%b:s:%b" % (self._key, self._id)
            self._asking = pack((b"HMGET", self._key, b"id", b"last", *[field.encode() for field in self._fields]))
            self._take_in(here[b"last"], [here.get(field.encode()) for field in self._fields])
        except (KeyError, ValueError):
            raise self._error(-errno.EUCLEAN) from None

    def _check_folders(self) -> None:
        """One name is one object: what lies above it in the names must be no object, and it no folder of others."""
        parts = (self.name or "").split("/")
        above = [self._server.key("/".join(parts[:n])) for n in range(1, len(parts))]
        if self._server.ask(pack((b"EXISTS", *above)), -1):
            raise self._error(-errno.EMEDIUMTYPE)

    # -- asking

    def _ask(self, packed: bytes, until: int = -1) -> Any:
        try:
            return self._server.ask(packed, until)
        except Refusal as refusal:
            raise self._refused(refusal) from None

    def _run(self, script: Any, keys: tuple[Any, ...], args: tuple[Any, ...], until: int = -1) -> Any:
        """A script that may run twice."""
        try:
            return self._server.run(script, keys, args, until)
        except Refusal as refusal:
            raise self._refused(refusal) from None

    def _change(self, script: Any, keys: tuple[Any, ...], args: tuple[Any, ...], until: int = -1) -> Any:
        """A script that runs once, whatever is lost on the way."""
        if self._over:
            self._fail(self._over)
        try:
            return self._server.change(script, keys, args, until)
        except Refusal as refusal:
            raise self._refused(refusal) from None

    async def _change_async(self, script: Any, keys: tuple[Any, ...], args: tuple[Any, ...], until: int = -1) -> Any:
        if self._over:
            self._fail(self._over)
        from tocsin._redis import asks

        try:
            return await asks.change(self._server, script, keys, args, until)
        except Refusal as refusal:
            raise self._refused(refusal) from None

    def _refused(self, refusal: Refusal) -> Exception:
        if refusal.reason == -errno.EIDRM:
            self._finish(refusal.reason)
        found = self._error(refusal.reason)
        if isinstance(found, ConfigMismatch):
            found.add_note(refusal.text.rpartition("EEXIST ")[2])
        return found

    def _error(self, reason: int) -> Exception:
        if reason == -errno.EUCLEAN:
            key = self._key.decode()
            return ObjectDamaged(
                f"{self.name!r} at {self.at!r} is damaged, or not a tocsin object: remove its key, {key}, or use "
                "another name"
            )
        return super()._error(reason)

    def _finish(self, reason: int) -> None:
        """It is over for this handle, which all hear who wait; what ended it first, counts."""
        self._over = self._over or reason
        ear = self._ear
        with ear.lock:
            ear.show(ready=True)
            ear.tell()

    # -- looking

    def _look_there(self, until: int = 0) -> list[Any]:
        """Ask what is so, and know it: the values of `_fields`, which others may have overtaken in what is known."""
        if self._over:
            self._fail(self._over)
        return self._looked(self._ask(self._asking, until))

    async def _look_there_async(self, until: int = 0) -> list[Any]:
        if self._over:
            self._fail(self._over)
        from tocsin._redis import asks

        try:
            found = await asks.ask(self._server, self._asking, until)
        except Refusal as refusal:
            raise self._refused(refusal) from None
        return self._looked(found)

    def _looked(self, found: list[Any]) -> list[Any]:
        if found[0] != self._id:
            self._finish(-errno.EIDRM)
            self._fail(self._over)
        return self._take_in(found[1], found[2:])

    def _refresh(self, until: int) -> None:
        """A look by the ear, when it has a new connection: what is there counts, also if it is less than was known."""
        found = self._ask(self._asking, until)
        if found[0] != self._id:
            self._finish(-errno.EIDRM)
        else:
            self._take_in(found[1], found[2:], anew=True)

    def _take_in(self, last: Any, found: list[Any], *, anew: bool = False) -> list[Any]:
        """What a look or a change was answered: the stream's last entry, and the values of `_fields`."""
        self._ear.learn(last, found, anew=anew)
        if self._over == -errno.EUCLEAN:
            self._fail(self._over)
        return found

    def _noted(self, last: bytes, found: list[Any], anew: bool) -> bool:  # noqa: FBT001 - the ear's own call
        """The ear's call for what was learnt. Is there anything new?"""
        try:
            is_new = later(last, self._last) or anew
            self._know(found, anew=anew)
        except (TypeError, ValueError, AttributeError):  # fields that are missing, or no numbers
            self._finish(-errno.EUCLEAN)
            return True
        if is_new:
            self._last = last
        return is_new

    def _know(self, found: list[Any], *, anew: bool = False) -> None:
        """Take in the values of `_fields`, if they are newer than what is known. `anew`: in any case."""
        raise NotImplementedError

    def _heard(self, answer: Any) -> None:
        """Take in what came on the ear's connection: entries of the stream."""
        try:
            for _, entries in answer:
                for number, row in entries:
                    if row is None:  # deleted meanwhile
                        continue
                    fields = dict(zip(row[::2], row[1::2], strict=True))
                    if b"removed" in fields:
                        self._finish(-errno.EIDRM)
                    else:
                        self._entry = number
                        self._learn(fields)
                    if later(number, self._last):
                        self._last = number
        except (TypeError, ValueError, KeyError):  # somebody else writes there
            self._finish(-errno.EUCLEAN)

    def _learn(self, fields: dict[bytes, bytes]) -> None:
        """One entry of the stream."""
        raise NotImplementedError

    def _reading(self) -> bytes:
        """The read by which the ear waits for what comes: of the stream behind `_last`, and perhaps of others. Empty:
        nothing is to be waited for now."""
        return read_after({self._stream: self._last})

    # -- waiting

    def _listens(self) -> Ear:
        return self._ear

    def _check(self) -> None:
        """ValueError, ObjectRemoved, WaitCancelled: what ends a wait."""
        if self._over:
            self._fail(self._over)
        if self._stopped:
            self._fail(-errno.ECANCELED)

    def _listen(self) -> int:
        self._check_open()
        ear = self._ear
        with ear.lock:
            self._check_open()
            fd = ear.listen()
            ear.take()
            ear.arm()
            return fd

    def _arm(self, side: int) -> int:
        """Take in what came, have a read outstanding, and say how far things are on that side.

        Unreachable: there is no connection now, which `_change_seen` bears for as long as one has patience.
        """
        ear = self._ear
        with ear.lock:
            ear.take()
            if not self._over:
                ear.arm()
                ear.look_each_minute()
        self._check()
        ear.check()
        return self._ticket_of(side)

    def _ticket_of(self, side: int) -> int:
        """How far things are on that side, from what is known."""
        raise NotImplementedError

    def _arm_later(self, side: int, ticket: int) -> int:  # noqa: ARG002
        return ticket

    def _ticket(self) -> int:
        """How far things are now: asked, because who waits for many counts from here on."""
        self._look_there()
        return self._ticket_of(0)

    def _look_again(self) -> int:
        return 0

    def _due(self) -> int:
        """When (ns) to look again though nothing comes. 0: no need."""
        return self._ear.due()

    def _is_ready(self, seen: int) -> bool:
        return self._judge(seen) >= 0

    def _judge(self, seen: int) -> int:
        """The ticket of this instant if it is ready, or was since the ticket `seen`; else the ticket's complement."""
        ear = self._ear
        if seen == NEVER and not self._over:
            with contextlib.suppress(FileNotFoundError):
                self._look_there()
        with ear.lock:
            ear.take()
            if not self._over:
                ear.arm()
            if ear.is_given_up():
                ear.check()
            ticket = self._ticket_of(0)
            # What has ended is ready, for its own next call tells.
            ready = self._over or self._stopped or self._ready() or self._has_passed(ticket, seen)
            return ticket if ready else ~ticket

    def _ready(self) -> bool:
        """From what is known: is there what it is waited for?"""
        raise NotImplementedError

    def _has_passed(self, ticket: int, seen: int) -> bool:  # noqa: ARG002 - Event's alone
        return False

    def _show(self) -> None:
        """After a look: its news are taken in, and `fileno` is readable while it is ready."""
        ear = self._ear
        if ear.shown >= 0 or ear.rung >= 0:
            with ear.lock:
                if not self._over:
                    ear.catch_up()
                    ear.arm()
                # Without a connection nothing would ever ring: so it is to be looked at, and the look tells.
                ear.show(ready=bool(self._over or self._stopped or ear.line is None or self._ready()))

    def fileno(self) -> int:
        """A descriptor that select, poll, epoll and loops find readable while the object is ready for this handle.

        A hint: look with the object's own calls, which consume the edge when they find it not ready. The handle owns
        the descriptor, which stays the same when the connection to the server doesn't.
        """
        self._look_there()
        ear = self._ear
        with ear.lock:
            self._check_open()
            fd = ear.fileno()
        self._show()
        return fd

    async def _change_seen(self, side: int, seen: int, until: int) -> bool:
        """For tasks: until the ticket of that side has passed `seen`; False at the deadline. As `_aio.wait_change`."""
        from tocsin._aio import pause, wait_change

        ear = self._ear
        while True:
            try:
                return await wait_change(self, side, seen, until)
            except Unreachable:
                now = _core.now()
                if ear.is_given_up() or 0 <= until <= now:
                    raise
                again = max(ear.retry_at, now + 1_000_000)  # by then another may have connected
                await pause(((again if until < 0 else min(again, until)) - now) / 1e9)

    # -- life

    def _check_open(self) -> None:
        if self._over == -errno.ESHUTDOWN:
            self._fail(self._over)

    def _close(self) -> None:
        self._over = -errno.ESHUTDOWN
        ear = getattr(self, "_ear", None)  # it may never have been opened
        if ear is not None:
            ear.close()

    def _cancel(self) -> None:
        self._check_open()
        self._stopped = True
        ear = self._ear
        with ear.lock:
            ear.turns.notify_all()
            ear.call()
            ear.show(ready=True)

    def _unlink(self) -> int:
        if self._over:
            return self._over
        try:
            self._server.run(UNLINK, (self._key, self._stream), (self._id,), -1)
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
            "listeners": ear.line is not None,
            "sleepers": bool(ear.waiting),
            "waiting_here": ear.threads,
            "writable": True,
        }

    def __repr__(self) -> str:
        try:
            return super().__repr__()
        except ObjectDamaged:
            return f"<tocsin.{self._class} {self.name!r} at {self.at!r}: damaged>"
        except OSError:
            return f"<tocsin.{self._class} {self.name!r} at {self.at!r}: its server can't be reached>"

    def _check_name(self) -> int:
        with contextlib.suppress(OSError, ValueError, ObjectDamaged):  # its own next call tells
            self._look_there()
        return 0

    def _path(self) -> bytes | None:
        return None

    def _title(self) -> str:
        return f"the {KINDS.get(self._kind, self._kind)} {self.name!r} at {self.at!r}"

    def _fail(self, reason: int) -> NoReturn:
        raise self._error(reason)


def near(cls: type) -> Any:
    """The class that a program names: `far` turns it into this one again."""
    made = cls.__dict__.get("_near")
    return made or next(base for base in cls.__mro__ if not base.__module__.startswith("tocsin._redis."))


def rebuild(cls: Any, name: str, at: str, mode: int | None, *carried: Any) -> Any:
    return cls(name, at=at, mode=mode, **dict(zip(cls._carried, carried, strict=True)))
