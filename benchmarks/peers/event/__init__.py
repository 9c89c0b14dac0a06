"""Events. Each peer says how its event is made, reached from a forked child, and dropped.

The four verbs of a `Flag` are whatever the peer itself calls them, bound and unwrapped, so that the measured
loop calls a peer exactly as its user would.
"""

from __future__ import annotations

import dataclasses
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclasses.dataclass(frozen=True)
class Flag:
    """One event, as seen by one process."""

    set: Callable[[], object]
    clear: Callable[[], object]
    is_set: Callable[[], object]
    wait: Callable[[], object] | None  # None: a coroutine, or else nothing that blocks
    drop: Callable[[], object]
    again: Callable[[], Flag] | None = None  # a handle of its own for a forked child; None: the inherited one does


@dataclasses.dataclass(frozen=True)
class Peer:
    """A kind of event."""

    name: str
    package: str | None  # the distribution that it comes from; None: the standard library
    processes: bool  # whether it reaches other processes
    make: Callable[[str], Flag]  # raises Absent
    flag: bool = True  # False: a pulse only, with nothing to ask or to clear
    spins: bool = False  # its waiter never sleeps


FILES = (
    "tocsin_event", "threading_event", "asyncio_event", "multiprocessing_event", "system_event", "waitable_event",
    "aiologic_event", "pipe", "eventfd", "jk_event", "redis_pubsub", "iceoryx2_event",
)


def nothing() -> None:
    """What a pulse has in place of a flag's other verbs."""


def all_peers() -> list[Peer]:
    """Everyone, ours first."""
    return [import_module(f"{__name__}.{file}").PEER for file in FILES]
