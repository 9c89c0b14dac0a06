"""32 processes listen, one signals: from just before signal() until the last of them has noted its own time."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING

from benchmarks.cases.event.fanout import WAITERS, Crowd
from benchmarks.cases.signal import OURS, taking_part
from benchmarks.harness import Table, rounds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.cases import Effort


def run(effort: Effort) -> Iterator[Table]:
    title = f"signal() until the last of {WAITERS} listening processes runs again, not pinned"
    table = Table("32 listeners", title, "us")
    with ExitStack() as stack:
        crowds = {}
        # Between its rounds a listener reads a pipe, so even one that spins while it waits is nobody's neighbour.
        for peer in taking_part(table, lambda peer: not peer.spins):
            flag = peer.make("crowd", WAITERS)
            stack.callback(flag.drop)
            crowds[peer.name] = Crowd(flag, stack)
        for crowd in crowds.values():
            crowd.wake()  # warm
        rounds(table, {name: partial(crowd.median_wake, effort.of(8, 3)) for name, crowd in crowds.items()}, 9)
    table.at_most("32 listening processes all awake", OURS, "a pipe", 1.5)
    table.print(OURS)
    yield table


CASES = {"32 listeners": run}
