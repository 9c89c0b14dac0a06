"""Line: one connection to a server. It is whole, or it is closed: nothing is ever asked on one that owes an answer.

Only the socket is used, with hiredis, the parser that redis-py uses as well: redis-py's own calls can't stop at a
deadline of their caller, can't take half an answer, and cost more than the whole way to the server and back. Where
something comes before the first question, credentials, TLS or a database, redis-py does that (`login`).
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import socket
import struct
import weakref
from typing import TYPE_CHECKING, Any

import hiredis

from tocsin import _core
from tocsin._errors import Unreachable

if TYPE_CHECKING:
    from collections.abc import Callable

    from tocsin._redis.address import Address

ReplyError = hiredis.ReplyError
pack: Callable[[tuple[Any, ...]], bytes] = hiredis.pack_command
_CHUNK = 65536
#: Nobody tells us that the server's host is gone, so the kernel asks it: after 10 s of silence, thrice, every 5 s.
ALIVE = ((socket.TCP_KEEPIDLE, 10), (socket.TCP_KEEPINTVL, 5), (socket.TCP_KEEPCNT, 3))


class Line:
    """A connection. One thread or task at a time has it in hand."""

    def __init__(self, address: Address, until: int) -> None:
        """Connect by `until` (ns). Unreachable; PermissionError."""
        self.address = address
        self.sock = _connect(address, until)
        self.fd = self.sock.fileno()
        # Before any __del__: of two that are collected in one circle, the socket could come first, and complain.
        weakref.finalize(self, _close, self.sock).atexit = False
        self.reader = hiredis.Reader()
        self.timeout: float | None = None  # of the socket; None: it doesn't block
        self.not_now: tuple[type[OSError], ...] = (BlockingIOError,)  # what a socket that doesn't block says
        if address.tls:
            import ssl  # login has it already

            self.not_now += (ssl.SSLWantReadError, ssl.SSLWantWriteError)
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
        except self.not_now:
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
            except self.not_now:
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
        _close(self.sock)

    def forget(self) -> None:
        """In a fork's child: the connection is the parent's. Closing our copy of the descriptor tells nobody."""
        with contextlib.suppress(OSError):
            os.close(self.sock.detach())

    def __del__(self) -> None:
        with contextlib.suppress(AttributeError):  # it was never made
            self.close()


def _close(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):
        sock.close()


def short_of_descriptors(error: BaseException | None) -> OSError | None:
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


def _connect(address: Address, until: int) -> socket.socket:
    """A socket that doesn't block, behind all that comes before the first question."""
    seconds = max(0.001, (until - _core.now()) / 1e9)
    if address.tls or address.username or address.password or address.db:
        from tocsin._redis.login import login  # loading redis-py takes longer than all that a command does

        sock = login(address, seconds)
    else:
        try:
            sock = _to_socket(address.socket, seconds) if address.socket else _to_host(address, seconds)
        except OSError as error:
            raise short_of_descriptors(error) or unreachable(address, error.strerror or error) from None
    sock.settimeout(0)
    return sock


def _to_socket(path: str, seconds: float) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX)
    try:
        sock.settimeout(seconds)
        sock.connect(path)
    except BaseException:
        sock.close()
        raise
    return sock


def _to_host(address: Address, seconds: float) -> socket.socket:
    sock = socket.create_connection((address.host, address.port), seconds)
    try:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in ALIVE:
            sock.setsockopt(socket.IPPROTO_TCP, option, value)
    except BaseException:
        sock.close()
        raise
    return sock
