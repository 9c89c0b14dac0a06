"""RedisHandle: what every object on a server is in Python, in place of the core's handle.

A kind is a class `class RedisEvent(RedisHandle, Event)`: what differs from one host stands there, everything else is
said once, in `Event`. A handle knows what it was told last (`_heard` by its ear, `_refresh` by a look), and where in
its stream that was. Its main key is a hash with what is fixed and what is so; a change is a script that writes the hash
and appends to the stream, or refuses.
"""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, Any

from tocsin import _core
from tocsin._errors import ConfigMismatch, KINDS
from tocsin._place import effective, encode_name
from tocsin._redis.ear import Ear, read_after
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
    _ear: Ear | None = None
    _over = 0  # a reason, once it was closed or removed
    _stopped = False  # cancelled
    _last = b"0-0"  # the last entry of the stream that this handle knows of
    _here: dict[str, Any]

    #: Fields of the main key that `_look` asks for beyond id and last.
    _fields: tuple[str, ...] = ()

    def _start(self, name: Path | None, at: Path | None, mode: int | None, *more: Any, create: bool) -> None:
        assert name is not None
        encode_name(name)
        if mode is not None and (isinstance(mode, bool) or not isinstance(mode, int) or mode < 0):
            raise ValueError(f"bad mode {mode!r}: give permission bits, 0o600 to 0o777")
        self.is_far = True
        self._mode = mode
        self._server = server_at(effective(at))
        self.name, self.at = os.fspath(name), self._server.address.shown
        self._key = self._server.key(self.name)
        self._begin(mode, create, self._config(*more))

    def _config(self, *more: Any) -> dict[str, Any]:  # noqa: ARG002 - a kind's own
        """What is fixed when it is made, as fields of the main key. None: as it is; and what it is made with then."""
        return {}

    def _begin(self, mode: int | None, create: bool, config: dict[str, Any]) -> None:  # noqa: FBT001
        """Open it on the server, or make it."""
        if create and "/" in (self.name or ""):
            self._check_folders()
        given = [f"{field}={value}" for field, (value, _) in config.items() if value is not None]
        fresh = [part for field, (value, first) in config.items() for part in (field, first if value is None else value)]
        identity = int.from_bytes(os.urandom(8)) >> 1
        answer = self._run(
            OPEN,
            (self._key,),
            (self._kind, FORMAT, identity, int(create), -1 if mode is None else mode & 0o777, len(given), *given, *fresh),
        )
        self._here = dict(zip(answer[::2], answer[1::2], strict=True))
        self._id: bytes = self._here[b"id"]
        self._stream = b"%b:s:%b" % (self._key, self._id)
        self._asking = pack((b"HMGET", self._key, b"id", b"last", *[field.encode() for field in self._fields]))
        self._last = self._here[b"last"]
        self._know([self._here.get(field.encode()) for field in self._fields])

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
            self._over = self._over or refusal.reason
        found = self._error(refusal.reason)
        if isinstance(found, ConfigMismatch):
            found.add_note(refusal.text.rpartition("EEXIST ")[2])
        return found

    # -- looking

    def _look_there(self, until: int = 0) -> None:
        """Ask what is so, and know it."""
        if self._over:
            self._fail(self._over)
        self._looked(self._ask(self._asking, until))

    async def _look_there_async(self, until: int = 0) -> None:
        if self._over:
            self._fail(self._over)
        from tocsin._redis import asks

        try:
            found = await asks.ask(self._server, self._asking, until)
        except Refusal as refusal:
            raise self._refused(refusal) from None
        self._looked(found)

    def _looked(self, found: list[Any]) -> None:
        if found[0] != self._id:
            self._over = self._over or -errno.EIDRM
            self._fail(self._over)
        if later(found[1], self._last):
            self._last = found[1]
        self._know(found[2:])

    def _refresh(self, until: int) -> None:
        """A look by the ear, when it has a new connection: what is there counts, also if it is less than was known."""
        found = self._ask(self._asking, until)
        if found[0] != self._id:
            self._over = self._over or -errno.EIDRM
            return
        self._last = found[1]
        self._know(found[2:], anew=True)

    def _know(self, found: list[Any], *, anew: bool = False) -> None:
        """Take in the values of `_fields`, if they are newer than what is known. `anew`: in any case."""
        raise NotImplementedError

    def _heard(self, answer: Any) -> None:
        """Take in what came on the ear's connection: entries of the stream."""
        for _, entries in answer:
            for number, row in entries:
                if row is None:  # deleted meanwhile
                    continue
                fields = dict(zip(row[::2], row[1::2], strict=True))
                if later(number, self._last):
                    self._last = number
                if b"removed" in fields:
                    self._over = self._over or -errno.EIDRM
                else:
                    self._learn(fields)

    def _learn(self, fields: dict[bytes, bytes]) -> None:
        """One entry of the stream."""
        raise NotImplementedError

    def _reading(self) -> bytes:
        """The read by which the ear waits for what comes; empty: nothing is to be waited for now."""
        return read_after({self._stream: self._last})

    # -- waiting

    def _listens(self) -> Ear:
        ear = self._ear
        if ear is None:
            ear = self._ear = Ear(self, self._server)
        return ear

    def _check(self) -> None:
        """ValueError, ObjectRemoved, WaitCancelled: what ends a wait."""
        if self._over:
            self._fail(self._over)
        if self._stopped:
            self._fail(-errno.ECANCELED)

    def _listen(self) -> int:
        self._check_open()
        ear = self._listens()
        with ear.lock:
            fd = ear.listen()
            ear.take()
            ear.arm()
            return fd

    def _arm(self, side: int) -> int:
        """Take in what came, have a read outstanding, and say how far things are on that side."""
        ear = self._listens()
        with ear.lock:
            ear.take()
            if self._over != -errno.ESHUTDOWN:
                ear.arm()
            ear.look_each_minute()
        self._check()
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
        return 0 if self._ear is None else self._ear.due()

    def _is_ready(self, seen: int) -> bool:
        return self._judge(seen) >= 0

    def _judge(self, seen: int) -> int:
        """The ticket of this instant if it is ready, or was since the ticket `seen`; else the ticket's complement."""
        ear = self._listens()
        with ear.lock:
            ear.take()
            if self._over != -errno.ESHUTDOWN:
                ear.arm()
        if self._over == -errno.ESHUTDOWN:
            self._fail(self._over)
        if self._over or self._stopped:
            return self._ticket_of(0)  # what has ended is ready, for its own next call tells
        if ear.lost is not None and _core.now() - ear.lost_at > self._server.address.patience_ns:
            ear.check()
        if seen == NEVER:
            try:
                self._look_there()
            except FileNotFoundError:
                return self._ticket_of(0)
        ticket = self._ticket_of(0)
        return ticket if self._ready() or self._has_passed(ticket, seen) else ~ticket

    def _ready(self) -> bool:
        """From what is known: is there what it is waited for?"""
        raise NotImplementedError

    def _has_passed(self, ticket: int, seen: int) -> bool:  # noqa: ARG002 - Event's alone
        return False

    def _show(self) -> None:
        """For `fileno`: after a look, the edge is there while it is ready."""
        ear = self._ear
        if ear is not None and ear.shown >= 0:
            with ear.lock:
                ear.take()
                if not self._over:
                    ear.arm()
                ear.show(ready=bool(self._over or self._stopped or self._ready()))

    def fileno(self) -> int:
        """A descriptor that select, poll, epoll and loops find readable while the object is ready for this handle.

        A hint: look with the object's own calls, which consume the edge when they find it not ready. The handle owns
        the descriptor, which stays the same when the connection to the server doesn't.
        """
        self._check_open()
        if not self._over:
            self._look_there()
        ear = self._listens()
        with ear.lock:
            fd = ear.public()
        self._show()
        return fd

    async def _change_seen(self, side: int, seen: int, until: int) -> bool:
        """For tasks: until the ticket of that side has passed `seen`; False at the deadline. As `_aio.wait_change`."""
        from tocsin._aio import wait_change

        while True:
            ear = self._listens()
            due = self._due()
            end = due if due and (until < 0 or due < until) else until
            if await wait_change(self, side, seen, end):
                return True
            now = _core.now()
            if ear.lost is not None and (0 <= until <= now or now - ear.lost_at > self._server.address.patience_ns):
                ear.check()
            if 0 <= until <= now:
                return False

    # -- life

    def _check_open(self) -> None:
        if self._over == -errno.ESHUTDOWN:
            self._fail(self._over)

    def _close(self) -> None:
        self._over = -errno.ESHUTDOWN
        if self._ear is not None:
            self._ear.close()

    def _cancel(self) -> None:
        self._check_open()
        self._stopped = True
        ear = self._ear
        if ear is not None:
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
        return 0

    def __reduce__(self) -> tuple[Any, ...]:
        carried = tuple(getattr(self, f"_{argument}") for argument in self._carried)
        return rebuild, (near(type(self)), self.name, self._server.address.url, self._mode, *carried)

    # -- what it tells

    def _stat(self) -> dict[str, Any] | int:
        if self._over == -errno.ESHUTDOWN:
            return self._over
        try:
            self._look_there(0)
        except FileNotFoundError:
            pass
        here = self._here
        return {
            "id": int(self._id),
            "created_ns": int(here[b"created"]) * 1000,
            "mode": int(here[b"mode"]),
            "kind": self._kind,
            "removed": self._over == -errno.EIDRM,
            "listeners": self._ear is not None,
            "sleepers": bool(self._ear is not None and self._ear.threads),
            "waiting_here": 0 if self._ear is None else self._ear.threads,
            "writable": True,
        }

    def _check_name(self) -> int:
        if not self._over:
            self._look_there()
        return 0

    def _path(self) -> bytes | None:
        return None

    def _title(self) -> str:
        return f"the {KINDS.get(self._kind, self._kind)} {self.name!r} at {self.at!r}"

    def _fail(self, reason: int) -> NoReturn:
        raise self._error(reason)


def later(one: bytes, other: bytes) -> bool:
    """Of two entries' numbers: does `one` come after `other`?"""
    return _number(one) > _number(other)


def _number(entry: bytes) -> tuple[int, int]:
    first, _, second = entry.partition(b"-")
    return int(first), int(second)


def near(cls: type) -> Any:
    """The class that a program names: `far` turns it into this one again."""
    made = cls.__dict__.get("_near")
    return cls.__mro__[2] if made is None else made


def rebuild(cls: Any, name: str, at: str, mode: int | None, *carried: Any) -> Any:
    return cls(name, at=at, mode=mode, **dict(zip(cls._carried, carried, strict=True)))
