"""An idle consumer of each peer: the CPU that it burns while nothing comes."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING

from benchmarks.cases.queue import OURS, taking_part
from benchmarks.harness import Table
from benchmarks.idleness import TICK_MS, burn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.cases import Effort
    from benchmarks.peers.queue import Made


def consumer(made: Made) -> Callable[[], object]:
    get = made.consumer(0).get
    assert get is not None
    return get


def run(effort: Effort) -> Iterator[Table]:
    seconds = effort.of(5, 2)
    table = Table("idle", f"CPU that one waiting consumer burns in {seconds} s", "ms")
    with ExitStack() as stack:
        waiters, spinning = {}, set()
        for peer in taking_part(table, lambda peer: peer.itself or "msgspec" not in peer.name):
            made = peer.make(1, 1)
            stack.callback(made.drop)
            waiters[peer.name] = partial(consumer, made)
            spinning |= {peer.name} if peer.spins else set()
        burn(table, waiters, spinning, seconds)
    table.below(f"an idle consumer burns no measurable CPU in {seconds} s (a clock tick)", OURS, TICK_MS)
    table.print("")
    yield table


CASES = {"idle": run}
