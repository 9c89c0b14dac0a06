"""Locks. Each is opened by a tag, in every process that wants it, or inherited by a fork."""

from __future__ import annotations

import dataclasses
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclasses.dataclass(frozen=True)
class Held:
    """One handle of a lock."""

    acquire: Callable[[], object]  # for ever
    release: Callable[[], object]
    drop: Callable[[], None]
    again: Callable[[], Held] | None = None  # another handle, for another process; None: this one is inherited


@dataclasses.dataclass(frozen=True)
class Peer:
    """A kind of lock."""

    name: str
    make: Callable[[str], Held]  # raises Absent
    across: bool = True  # between processes
    polls: bool = False  # who waits looks again and again


FILES = (
    *("tocsin_lock", "threading_lock", "multiprocessing_lock", "posix_semaphore"),
    *("flock", "file_lock", "port_locker", "fasteners_lock"),
)


def all_peers() -> list[Peer]:
    """Everyone, ours first."""
    return [import_module(f"{__name__}.{file}").PEER for file in FILES]
