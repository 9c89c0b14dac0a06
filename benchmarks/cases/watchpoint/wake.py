"""From just before a directory is made, or removed, until the process that waits for it has seen that it is so."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from benchmarks.cases.watchpoint import FLOOR, OURS, TASK, TASK_FLOOR, taking_part
from benchmarks.harness import Table, cpus
from benchmarks.wakes import wake_tables, wakes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.cases import Effort
    from benchmarks.peers.watchpoint import Peer

#: A peer that takes a fifth of a second each time is not asked as often.
SLOW = 6


def of_one(peer: Peer, times: int, on: tuple[int, ...]) -> list[float]:
    marker = peer.make("wake")
    try:
        return wakes(marker.open, lambda: marker.toggle, times, on, spins=False)
    finally:
        marker.drop()


def judge(table: Table, where: str) -> None:
    table.at_most(f"a directory that comes or goes wakes a thread, {where}", OURS, FLOOR, 2.0)
    table.at_most(f"and a task of asyncio, {where}", TASK, TASK_FLOOR, 2.0)


def run(effort: Effort) -> Iterator[Table]:
    usable = cpus()
    for on in [tuple(usable[:2]), ()] if len(usable) > 1 else [()]:
        table = Table("wake", "mkdir or rmdir until the waiter has seen it", "us")
        times = effort.of(40, 10)
        measures = {peer.name: partial(of_one, peer, SLOW if peer.slow else times, on) for peer in taking_part(table)}
        yield from wake_tables(effort, table, measures, on, beside=FLOOR, judge=judge)


CASES = {"wake": run}
