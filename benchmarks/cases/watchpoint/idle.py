"""One who waits for a directory that never comes, with each peer: the CPU that it burns."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from benchmarks.cases.watchpoint import OURS, taking_part
from benchmarks.harness import Table
from benchmarks.idleness import TICK_MS, burn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.cases import Effort


def run(effort: Effort) -> Iterator[Table]:
    seconds = effort.of(5, 2)
    table = Table("idle", f"CPU that one waiter burns in {seconds} s", "ms")
    with ExitStack() as stack:
        waiters = {}
        for peer in taking_part(table):
            marker = peer.make("idle")
            stack.callback(marker.drop)
            waiters[peer.name] = marker.open
        burn(table, waiters, set(), seconds)
    table.below(f"an idle waiter burns no measurable CPU in {seconds} s (a clock tick)", OURS, TICK_MS)
    table.print("")
    yield table


CASES = {"idle": run}
