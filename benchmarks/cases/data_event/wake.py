"""From just before signal() until the sleeping reader has the value."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from benchmarks.cases.data_event import ITEM, OURS, taking_part
from benchmarks.harness import Table, cpus
from benchmarks.wakes import wake_tables, wakes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.cases import Effort
    from benchmarks.peers.data_event import Peer, Value

PIPE = "a pipe"


def reader(made: Value) -> Callable[[], object]:
    wait = (made.again() if made.again else made).wait
    assert wait is not None
    return wait


def of_one(peer: Peer, times: int, on: tuple[int, ...]) -> list[float]:
    made = peer.make("wake")
    try:
        return wakes(partial(reader, made), lambda: partial(made.signal, ITEM), times, on, spins=peer.spins)
    finally:
        made.drop()


def judge(table: Table, where: str) -> None:
    table.at_most(f"wake of a reader, {where}", OURS, PIPE, 1.5)


def can_wait(peer: Peer) -> bool:
    return peer.waits


def run(effort: Effort) -> Iterator[Table]:
    usable = cpus()
    for on in [tuple(usable[:2]), ()] if len(usable) > 1 else [()]:
        table = Table("wake", "signal() until a sleeping reader has the value", "us")
        found = taking_part(table, can_wait)
        measures = {peer.name: partial(of_one, peer, effort.of(40, 10), on) for peer in found}
        yield from wake_tables(effort, table, measures, on, beside=PIPE, judge=judge)


CASES = {"wake": run}
