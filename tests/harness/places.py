"""A fresh place for each test, on the RAM disk where there is one, because that is where events live."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def fresh_place(mode: int = 0o700) -> Iterator[str]:
    shm = "/dev/shm"
    directory = tempfile.mkdtemp(prefix="tocsin-test-", dir=shm if os.access(shm, os.W_OK | os.X_OK) else None)
    os.chmod(directory, mode)
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def objects_at(place: str) -> list[str]:
    """What a directory holds, or the names of the objects at a server."""
    if "://" not in place:
        return sorted(os.listdir(place))
    from tocsin._redis.line import pack
    from tocsin._redis.server import server_at

    server = server_at(place)
    keys = [key.decode() for key in server.ask(pack((b"KEYS", server.key("x").split(b"{")[0] + b"*")), -1)]
    return sorted(key.partition("{")[2][:-1] for key in keys if key.endswith("}"))


def descriptors() -> list[str]:
    """What this process holds open, as targets, for tests that count them before and after."""
    found = []
    for number in os.listdir("/proc/self/fd"):
        try:
            found.append(os.readlink(f"/proc/self/fd/{number}"))
        except FileNotFoundError:
            continue  # the descriptor of the listing itself
    return sorted(found)


def opened_since(before: list[str]) -> list[str]:
    """What is open now and was not then. What others left behind may have gone meanwhile."""
    return sorted((Counter(descriptors()) - Counter(before)).elements())
