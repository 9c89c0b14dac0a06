"""One of 1 to 10,000 objects of a place: by a handle that is open, and opened by its name for the purpose."""

from __future__ import annotations

import itertools
from functools import partial
from typing import TYPE_CHECKING, Any

from benchmarks.cases.redis import by_hand, key, place, us
from benchmarks.harness import Table, rounds
from tocsin import Signal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.cases import Effort

COUNTS = (1, 10, 100, 1_000, 10_000)
OPEN, NAMED, BARE = "tocsin.Signal, open", "tocsin.Signal, by name", "XADD"


def contestants(count: int) -> dict[str, Callable[[], object]]:
    at, hand, prefix = place(), by_hand(), key()
    handles = [Signal(f"s/{n}", at=at) for n in range(count)]
    streams = [f"{prefix}:{n}" for n in range(count)]
    for handle, stream in zip(handles, streams, strict=True):
        handle.signal()
        hand.xadd(stream, {"n": 1})
    turn: Iterator[int] = itertools.cycle(n * 7919 % count for n in range(count))  # a prime: all of them, in no order

    def by_name() -> None:
        with Signal(f"s/{next(turn)}", at=at) as signal:
            signal.signal()

    def add() -> Any:
        return hand.xadd(streams[next(turn)], {"n": 1}, maxlen=1, approximate=False)

    def by_handle() -> None:
        handles[next(turn)].signal()

    return {OPEN: by_handle, NAMED: by_name, BARE: add}


def run(effort: Effort) -> Iterator[Table]:
    calls = effort.of(500, 200)
    for count in COUNTS:
        table = Table("objects", f"signal() of one of {count:,}", "us", rate="calls", along="objects in the place",
                      x=count)
        measures = {name: partial(us, call, calls) for name, call in contestants(count).items()}
        rounds(table, measures, effort.rounds())
        table.at_least(f"signal() of one of {count:,} by an open handle", OPEN, BARE, 0.8)
        table.print(BARE)
        yield table


CASES = {"objects": run}
