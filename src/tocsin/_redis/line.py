"""Line: one connection to a server. It is whole, or it is closed: nothing is ever asked on one that owes an answer.

redis-py connects, with its credentials, TLS and selection of a database, and then only the socket is used, with
hiredis, the parser that redis-py uses as well: redis-py's own calls can't stop at a deadline of their caller, can't
take half an answer, and cost more than the whole way to the server and back. The only importer of redis.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import socket
import ssl
import struct
import traceback
from typing import TYPE_CHECKING, Any

import hiredis
import redis.connection
import redis.exceptions
from redis.backoff import NoBackoff
from redis.retry import Retry

from tocsin import _core
from tocsin._errors import Unreachable

if TYPE_CHECKING:
    from collections.abc import Callable

    from tocsin._redis.address import Address

ReplyError = hiredis.ReplyError
pack: Callable[[tuple[Any, ...]], bytes] = hiredis.pack_command
_CHUNK = 65536
#: Nobody tells us that the server's host is gone, so the kernel asks it: after 10 s of silence, thrice, every 5 s.
_ALIVE = ((socket.TCP_KEEPIDLE, 10), (socket.TCP_KEEPINTVL, 5), (socket.TCP_KEEPCNT, 3))


class Line:
    """A connection. One thread or task at a time has it in hand."""

    def __init__(self, address: Address, until: int, name: str = "") -> None:
        """Connect by `until` (ns). Unreachable; PermissionError."""
        self.address = address
        self.sock = _connect(address, until, name)
        self.fd = self.sock.fileno()
        self.reader = hiredis.Reader()
        self.timeout: float | None = None  # of the socket; None: it doesn't block
        self.owes = False  # an answer that has not come yet: who broke off
        self.pid = os.getpid()
        #: Who writes by this line, and how often he did: see `server`.
        self.writer = os.urandom(6).hex().encode()
        self.writes = 0

    # -- a question and its answer

    def ask(self, packed: bytes, until: int) -> Any:
        """The answer, an error's too, by `until`; Unreachable if there is none, and then this line is closed."""
        left = (until - _core.now()) / 1e9
        # The timeout of the socket is set seldom, because that is a system call.
        if self.timeout is None or left < self.timeout or left > 2 * self.timeout:
            self.block(max(left, 0.001))
        try:
            self.owes = True
            self.sock.sendall(packed)
            reader, receive = self.reader, self.sock.recv
            answer = reader.gets()
            while answer is False:
                reader.feed(receive(_CHUNK) or _end())
                answer = reader.gets()
        except BlockingIOError:
            self.close()
            raise unreachable(self.address, "it didn't answer in time") from None
        except (OSError, hiredis.ProtocolError) as error:
            self.close()
            raise unreachable(self.address, error) from error
        except BaseException:  # a handler raised: the answer that comes would be taken for another's
            self.close()
            raise
        self.owes = False
        return answer

    def block(self, timeout: float) -> None:
        """The kernel's own timeout costs one system call per answer less than the one of Python's sockets."""
        if self.address.tls:
            self.sock.settimeout(timeout)
        else:
            if self.timeout is None:
                self.sock.settimeout(None)
            packed = struct.pack("ll", int(timeout), int(timeout % 1 * 1e6) or 1)
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, packed)
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, packed)
        self.timeout = timeout

    async def ask_async(self, packed: bytes, until: int) -> Any:
        """The same for a task. One that is cancelled closes it, because it would owe the answer."""
        try:
            self.unblock()
            done = self.send(packed)
            while done < len(packed):
                await self._moment(until, writing=True)
                done += self.send(memoryview(packed)[done:])
            answer = self.take()
            while answer is False:
                await self._moment(until)
                answer = self.take()
        except OSError as error:
            self.close()
            raise unreachable(self.address, error) from error
        except BaseException:
            self.close()
            raise
        return answer

    async def _moment(self, until: int, *, writing: bool = False) -> None:
        from tocsin._aio import until_ready

        left = until - _core.now()
        if left <= 0:
            raise TimeoutError("no answer in time")
        await until_ready(self.fd, left / 1e9, writing=writing)

    # -- the same in parts, for those who must not block

    def unblock(self) -> None:
        if self.timeout is not None:
            self.timeout = None
            self.sock.settimeout(0)

    def send(self, packed: bytes | memoryview) -> int:
        """As much of it as there is room for now. OSError."""
        self.owes = True
        try:
            return self.sock.send(packed)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return 0

    def send_all(self, packed: bytes, until: int) -> None:
        """A short one, for which there is room nearly always; it waits if not."""
        done = self.send(packed)
        while done < len(packed):
            left = until - _core.now()
            poll = select.poll()
            poll.register(self.fd, select.POLLOUT)
            if left <= 0 or not poll.poll(max(1, left // 1_000_000)):
                raise TimeoutError("it takes nothing more")
            done += self.send(memoryview(packed)[done:])

    def take(self) -> Any:
        """The answer if it has come whole, else False. Never blocks. OSError when the connection is gone."""
        answer = self.reader.gets()
        while answer is False:
            try:
                data = self.sock.recv(_CHUNK)
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                return False
            self.reader.feed(data or _end())
            answer = self.reader.gets()
        self.owes = False
        return answer

    def is_sound(self) -> bool:
        """Can it be used for another question? Asked of one that lay idle; nothing is sent."""
        if self.owes or self.sock.fileno() < 0 or self.pid != os.getpid():
            return False
        poll = select.poll()
        poll.register(self.fd, select.POLLIN)
        return not poll.poll(0)  # whatever came unasked is an end

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self.sock.close()

    def forget(self) -> None:
        """In a fork's child: the connection is the parent's. Closing our copy of the descriptor tells nobody."""
        with contextlib.suppress(OSError):
            os.close(self.sock.detach())

    def __del__(self) -> None:
        with contextlib.suppress(AttributeError):  # it was never made
            self.close()


def _short_of_descriptors(error: BaseException | None) -> OSError | None:
    """That is no fault of the server's."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in (errno.EMFILE, errno.ENFILE):
            return OSError(error.errno, f"{os.strerror(error.errno)}: no descriptor is left for a connection")
        error = error.__context__
    return None


def _end() -> bytes:
    raise ConnectionResetError("it closed the connection")


def unreachable(address: Address, error: object) -> Unreachable:
    why = (str(error) or type(error).__name__).rstrip(".")
    return Unreachable(f"the server {address.shown} can't be reached: {why}: is it running, and is this its address?")


def refused(address: Address, error: object) -> PermissionError:
    return PermissionError(f"the server {address.shown} refuses this user: {error}: check name, password and ACL")


def _connect(address: Address, until: int, name: str) -> socket.socket:
    """A socket that doesn't block, behind all that comes before the first question."""
    seconds = max(0.001, (until - _core.now()) / 1e9)
    common: dict[str, Any] = {
        "db": address.db,
        "username": address.username or None,
        "password": address.password or None,
        "socket_timeout": seconds,
        "retry": Retry(NoBackoff(), 0),
        "protocol": 2,
        "driver_info": None,
        "client_name": name or None,
    }
    kind: Any = redis.connection.UnixDomainSocketConnection
    if address.socket:
        common["path"] = address.socket
    else:
        kind = redis.connection.Connection
        common |= {
            "host": address.host,
            "port": address.port,
            "socket_connect_timeout": seconds,
            "socket_keepalive": True,
            "socket_keepalive_options": dict(_ALIVE),
        }
    if address.tls:
        kind = redis.connection.SSLConnection
        common |= {
            "ssl_cert_reqs": "required",
            "ssl_check_hostname": True,  # not every version of redis-py does by itself
            "ssl_ca_certs": address.ca or None,
            "ssl_certfile": address.cert or None,
            "ssl_keyfile": address.key or None,
        }
    made = kind(**common)
    try:
        made.connect()
    except (redis.exceptions.AuthenticationError, redis.exceptions.NoPermissionError) as error:
        raise refused(address, error) from None
    except redis.exceptions.ResponseError as error:
        if str(error).startswith(("WRONGPASS", "NOAUTH", "NOPERM", "ERR AUTH")):
            raise refused(address, error) from None
        raise unreachable(address, error) from None
    except (redis.exceptions.RedisError, OSError) as error:
        if address.tls:
            _close_half_made(error)
        raise _short_of_descriptors(error) or unreachable(address, error) from None
    else:
        sock: socket.socket
        sock, made._sock = made._sock, None  # the rest of it only costs memory
        sock.settimeout(0)
        return sock
    finally:
        made.disconnect()


def _close_half_made(error: BaseException | None) -> None:
    """A peer that resets before the handshake leaves a socket of `ssl` open that nobody has: only the frame in which it
    failed knows of it (Python before 3.13)."""
    while error is not None:
        for frame, _ in traceback.walk_tb(error.__traceback__):
            half = frame.f_locals.get("self")
            if isinstance(half, ssl.SSLSocket):
                half.close()
        error = error.__context__
