"""Moments. A signal is measured as a flag (peers/event) that nobody has to clear: `set` signals, `wait` hears."""

from __future__ import annotations

import dataclasses
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.peers.event import Flag


@dataclasses.dataclass(frozen=True)
class Peer:
    """A kind of signal."""

    name: str
    make: Callable[[str, int], Flag]  # for so many listeners; raises Absent
    spins: bool = False  # who waits never sleeps
    keeps: bool = True  # what comes while a listener doesn't wait is kept for it


FILES = ("tocsin_signal", "multiprocessing_condition", "pipe", "redis_pubsub", "jk_event")


def all_peers() -> list[Peer]:
    """Everyone, ours first."""
    return [import_module(f"{__name__}.{file}").PEER for file in FILES]
