"""An idle reader of each peer: the CPU that it burns while nothing comes."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING

from benchmarks.cases.data_event import OURS, taking_part
from benchmarks.cases.data_event.wake import can_wait, reader
from benchmarks.harness import Table
from benchmarks.idleness import TICK_MS, burn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.cases import Effort


def run(effort: Effort) -> Iterator[Table]:
    seconds = effort.of(5, 2)
    table = Table("idle", f"CPU that one waiting reader burns in {seconds} s", "ms")
    with ExitStack() as stack:
        waiters, spinning = {}, set()
        for peer in taking_part(table, can_wait):
            made = peer.make("idle")
            stack.callback(made.drop)
            waiters[peer.name] = partial(reader, made)
            spinning |= {peer.name} if peer.spins else set()
        burn(table, waiters, spinning, seconds)
    table.below(f"an idle reader burns no measurable CPU in {seconds} s (a clock tick)", OURS, TICK_MS)
    table.print("")
    yield table


CASES = {"idle": run}
