"""Owner: this process as a holder of things on a server, and how others learn that a holder has died.

A holder's life is a connection: it has one that does nothing else, under a name of its own, and a keeper (a thread that
there is only while this process holds something on a server) makes it anew whenever it breaks. The kernel closes it
when the process dies, however it dies, and not because it is slow or stopped. Who waits for what another holds asks
once a second whether that connection is listed; a holder is dead when it was missing for GRACE_NS together, in which
time the asker's own connection never failed, so a restart of the server gives everyone time to come back.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import threading
from typing import TYPE_CHECKING, Any

from tocsin import _core
from tocsin._errors import Unreachable
from tocsin._redis.line import ReplyError, pack
from tocsin._redis.steps import in_thread

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tocsin._redis.line import Line
    from tocsin._redis.server import Server
    from tocsin._redis.steps import Steps

#: How long a holder's connection must be missing before it is dead, and how often who waits asks. From these comes the
#: bound that the documents state: a death is known within LOOK + GRACE + LOOK.
GRACE_NS = 2_000_000_000
LOOK_NS = 1_000_000_000
_SHARED_NS = LOOK_NS // 2  # for how long it counts that another saw it
CONNECT_NS = 5_000_000_000  # for the first connection
_AGAIN_S = 0.1  # the keeper's pause before it tries again
_HOUR_S = 3600.0
_KEPT_S = 7 * 86_400  # the note of who he is, renewed each hour


class Owner:
    """This process at one server: its id there, and the connection that says that it lives."""

    def __init__(self, server: Server) -> None:
        self.id = os.urandom(8).hex().encode()
        self.pid = os.getpid()
        self._name = f"tocsin-{self.id.decode()}"
        self._key = note_key(server, self.id)
        self._note = f"{os.getpid()} {socket.gethostname()}"
        self._over = False
        # Not for as long as one has patience: who holds, or begins to listen, may have a deadline of his own.
        self._line: Line | None = self._connect(server, server.until(_core.now() + CONNECT_NS))
        self._calls, self._caller = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        keeper = threading.Thread(target=_keep, args=(self, server.address), name="tocsin keeper", daemon=True)
        keeper.start()

    def _connect(self, server: Server, until: int) -> Line:
        line = server.connect(until, self._name)
        try:
            sock = line.sock
            if sock.family != socket.AF_UNIX:  # the kernel notices that the server's host began anew, not we
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 1)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 1)
            number = _sound(server, line.ask(pack((b"CLIENT", b"ID")), until))
            self._noting = pack((b"SET", self._key, b"%d %b" % (number, self._note.encode()), b"EX", _KEPT_S))
            _sound(server, line.ask(self._noting, until))
            if sock.family != socket.AF_UNIX:  # an answer that isn't acknowledged keeps the server from asking our host
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        except BaseException:
            line.close()
            raise
        return line

    def stop(self) -> None:
        """Nothing is held any more, and nobody will."""
        self._over = True
        with contextlib.suppress(OSError):
            os.write(self._caller, b"x")

    def close_calls(self) -> None:
        """By the keeper, and not before `stop` has called it: until then the number is in use."""
        poll = select.poll()
        poll.register(self._calls, select.POLLIN)
        poll.poll()
        self._close_calls()

    def _close_calls(self) -> None:
        for fd in (self._calls, self._caller):
            with contextlib.suppress(OSError):
                os.close(fd)

    def forget(self) -> None:
        """In a fork's child, which holds nothing: our copy of the connection would make the dead look alive."""
        self._over = True
        if self._line is not None:
            self._line.forget()
        self._close_calls()


def _keep(owner: Owner, address: Any) -> None:
    """The keeper: sleep until the connection breaks, and make it anew."""
    from tocsin._redis.server import Server

    server = Server(address)  # of its own: who uses the other one goes when its last object does
    server.known = True
    poll = select.poll()
    poll.register(owner._calls, select.POLLIN)
    line = owner._line
    if line is not None:
        poll.register(line.fd, select.POLLIN)
    while not owner._over:
        rang = poll.poll((_HOUR_S if line is not None else _AGAIN_S) * 1000)
        if owner._over:
            break
        if line is not None:
            if any(fd == line.fd for fd, _ in rang):
                poll.unregister(line.fd)
                line.close()
                line = owner._line = None
            else:
                with contextlib.suppress(Unreachable, OSError):  # the note ends in a week, or by a jump
                    server.ask(owner._noting, _core.now() + LOOK_NS)
                continue
        with contextlib.suppress(Unreachable, OSError):
            line = owner._connect(server, _core.now() + 2 * LOOK_NS)
            owner._line = line
            poll.register(line.fd, select.POLLIN)
    if line is not None and owner.pid == os.getpid():
        line.close()
    server.close()
    owner.close_calls()


def _sound(server: Server, answer: Any) -> Any:
    if isinstance(answer, ReplyError):
        raise server.failure(answer)
    return answer


def note_key(server: Server, identity: bytes) -> bytes:
    """Where it says who a holder is: the number of its connection, its process id and its host."""
    return b"%b:owner:%b" % (server.address.prefix.encode(), identity)


def owner_of_process(server: Server) -> Owner:
    """This process's at that server, which from now on is known to live. Unreachable."""
    with server.lock:
        found = server.owner
        if found is None or found.pid != os.getpid():
            found = server.owner = Owner(server)
        return found


class Judge:
    """What this process has seen of holders at a server: since when each one's connection is missing.

    Of all who wait for what one holder has, by whatever handles, one asks. Only that he lives is taken from another.
    """

    def __init__(self) -> None:
        self._missing: dict[bytes, int] = {}
        self._seen: dict[bytes, int] = {}  # when somebody asked, who saw it, or has no answer yet
        self._lock = threading.RLock()  # a handler may come in between, and wait itself

    def dead_among(self, server: Server, identities: Iterable[bytes], until: int = 0) -> set[bytes]:
        return in_thread(self.dead_among_steps(server, identities, until))

    def dead_among_steps(self, server: Server, identities: Iterable[bytes], until: int = 0) -> Steps[set[bytes]]:
        """Those that are dead. Unreachable: nothing is known, and what was seen counts no more."""
        try:
            return (yield from self._steps(server, identities, until))
        except Unreachable:
            self._forget()
            raise

    def _steps(self, server: Server, identities: Iterable[bytes], until: int) -> Steps[set[bytes]]:
        own = server.owner.id if server.owner is not None else b""
        now = _core.now()
        with self._lock:
            self._seen = {identity: at for identity, at in self._seen.items() if now - at < _SHARED_NS}
            asked = [identity for identity in set(identities) if identity != own and identity not in self._seen]
            self._seen.update(dict.fromkeys(asked, now))
        if not asked:
            return set()
        packed = pack((b"MGET", *[note_key(server, identity) for identity in asked]))
        notes = yield from server.ask_steps(packed, until)
        numbers = {identity: note.split(b" ", 1)[0] for identity, note in zip(asked, notes, strict=True) if note}
        # A note may have ended although its holder lives: the server's clock jumped on. Then all are listed.
        one_by_one = pack((b"CLIENT", b"LIST", b"ID", *numbers.values()))
        rows = yield from server.ask_steps(
            one_by_one if len(numbers) == len(asked) else pack((b"CLIENT", b"LIST")), until
        )
        # The number alone could be another's, after the server began to count anew.
        listed = {identity for identity in asked if b" name=tocsin-%b " % identity in rows}
        now = _core.now()
        dead = set()
        with self._lock:
            for identity in asked:
                if identity in listed:
                    self._missing.pop(identity, None)
                    continue
                self._seen.pop(identity, None)
                if now - self._missing.setdefault(identity, now) >= GRACE_NS:
                    dead.add(identity)
        return dead

    def _forget(self) -> None:
        """Whoever was cut off himself has seen nothing."""
        with self._lock:
            self._missing.clear()
            self._seen.clear()

    def forgive(self, identity: bytes) -> None:
        """It is put right what he held; the same id never comes again."""
        self._missing.pop(identity, None)
