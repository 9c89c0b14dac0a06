"""The latest value. Each peer says how its value is made, reached from a forked child, and dropped.

A value is a JSON document; peers that carry bytes are given msgspec, as tocsin has it inside.
"""

from __future__ import annotations

import dataclasses
from importlib import import_module
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable

encode = msgspec.json.Encoder().encode
decode = msgspec.json.Decoder().decode


@dataclasses.dataclass(frozen=True)
class Value:
    """One value, as seen by one process."""

    signal: Callable[[Any], object]
    latest: Callable[[], Any] | None  # None: it has none
    wait: Callable[[], Any] | None  # blocks until there is another one, and returns it; None: it can only be polled
    drop: Callable[[], object]
    again: Callable[[], Value] | None = None  # a handle of its own for a forked child; None: the inherited one does


@dataclasses.dataclass(frozen=True)
class Peer:
    """A kind of value."""

    name: str
    make: Callable[[str], Value]  # raises Absent
    waits: bool = True  # it can be waited for
    spins: bool = False  # who waits never sleeps
    loses: bool = False  # two signals in one moment may be one: no game of turns


FILES = ("tocsin_data_event", "multiprocessing_array", "multiprocessing_manager", "pipe", "redis_key", "jk_data_event")


def all_peers() -> list[Peer]:
    """Everyone, ours first."""
    return [import_module(f"{__name__}.{file}").PEER for file in FILES]
