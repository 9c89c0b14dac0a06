"""A proxy between tocsin and its server, which loses an answer, goes silent, or speaks TLS, as a test wants it."""

from __future__ import annotations

import contextlib
import select
import shutil
import socket
import ssl
import tempfile
import threading
from typing import TYPE_CHECKING, Self

from harness.until import PATIENCE_S

if TYPE_CHECKING:
    from types import TracebackType

    from harness.servers import RedisServer


class Proxy:
    """`with Proxy(server) as proxy:` - `proxy.url()` is a place on `server`, reached by way of it."""

    def __init__(self, server: RedisServer, tls: ssl.SSLContext | None = None, *, tcp: bool = False) -> None:
        """On a socket in a directory; on a port with `tcp`, and always with TLS."""
        self.server = server
        self.target = server.socket
        self.tls = tls
        self.lost = 0  # answers
        self._losing = b""
        self._flow = threading.Event()
        self._flow.set()
        self._muting = b""
        self._muted = threading.Event()
        self._over = False
        self._ends: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self.directory = tempfile.mkdtemp(prefix="tocsin-proxy-")
        self.socket = f"{self.directory}/s"
        on_port = tcp or tls is not None
        self._listener = socket.socket(socket.AF_INET if on_port else socket.AF_UNIX)
        self._listener.bind(("127.0.0.1", 0) if on_port else self.socket)
        self._listener.listen(64)
        self.port = self._listener.getsockname()[1] if on_port else 0

    def url(self, **options: object) -> str:
        query = self.server.url(**options).partition("?")[2]
        scheme = "redis" if self.tls is None else "rediss"
        return f"{scheme}://127.0.0.1:{self.port}?{query}" if self.port else f"unix://{self.socket}?{query}"

    def lose_answer(self, marker: bytes) -> None:
        """The next question that contains this is asked, and its answer is lost, with the connection."""
        self._losing = marker

    def stall(self) -> None:
        """Nothing comes through any more, and nobody is told: a network that drops everything."""
        self._flow.clear()

    def mute(self, marker: bytes) -> None:
        """The next question that contains this is asked, and then nothing comes through on its connection any more;
        nobody is told, and others go on: a firewall that has forgotten a connection."""
        self._muting = marker

    def flow(self) -> None:
        self._flow.set()

    def cut(self) -> None:
        """Close every connection."""
        for end in list(self._ends):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    # -- the work

    def _start(self, function: object, *args: object) -> None:
        thread = threading.Thread(target=function, args=args, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._over:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            self._start(self._serve, near)

    def _serve(self, near: socket.socket) -> None:
        far = socket.socket(socket.AF_UNIX)
        self._ends |= {near, far}
        try:
            self._flow.wait()
            if self.tls is not None:
                self._ends.discard(near)
                near = self.tls.wrap_socket(near, server_side=True)
                self._ends.add(near)
            far.connect(self.target)
            self._pass_on(near, far)
        except (OSError, ValueError):
            pass  # an end that is gone, or a handshake that the other side broke off
        finally:
            self._ends -= {near, far}
            near.close()
            far.close()

    def _pass_on(self, near: socket.socket, far: socket.socket) -> None:
        poll = select.poll()
        for end in (near, far):
            poll.register(end, select.POLLIN)
        losing = False
        while not self._over:
            for fd, _ in poll.poll():
                self._flow.wait()
                end, other = (near, far) if fd == near.fileno() else (far, near)
                data = end.recv(65536)
                while isinstance(end, ssl.SSLSocket) and end.pending():
                    data += end.recv(65536)
                if not data:
                    return
                if end is near and self._losing and self._losing in data:
                    self._losing, losing = b"", True
                elif end is far and losing:
                    self.lost += 1
                    return
                other.sendall(data)
                if end is near and self._muting and self._muting in data:
                    self._muting = b""
                    self._muted.wait()

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over = True
        self._flow.set()
        self._muted.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()
        for thread in self._threads:
            while thread.is_alive():
                self.cut()  # one that was accepted meanwhile
                thread.join(min(0.1, PATIENCE_S))
        shutil.rmtree(self.directory, ignore_errors=True)


