"""From just before signal() until the sleeping listener has heard it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from benchmarks.cases.signal import OURS, taking_part
from benchmarks.harness import Table, cpus
from benchmarks.wakes import wake_tables, wakes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.cases import Effort
    from benchmarks.peers.event import Flag
    from benchmarks.peers.signal import Peer

PIPE = "a pipe"


def listener(flag: Flag) -> Callable[[], object]:
    wait = (flag.again() if flag.again else flag).wait
    assert wait is not None
    return wait


def of_one(peer: Peer, times: int, on: tuple[int, ...]) -> list[float]:
    flag = peer.make("wake", 1)
    try:
        return wakes(partial(listener, flag), lambda: flag.set, times, on, spins=peer.spins)
    finally:
        flag.drop()


def judge(table: Table, where: str) -> None:
    table.at_most(f"wake of a listener, {where}", OURS, PIPE, 1.5)


def run(effort: Effort) -> Iterator[Table]:
    usable = cpus()
    for on in [tuple(usable[:2]), ()] if len(usable) > 1 else [()]:
        table = Table("wake", "signal() until a sleeping listener has heard it", "us")
        measures = {peer.name: partial(of_one, peer, effort.of(40, 10), on) for peer in taking_part(table)}
        yield from wake_tables(effort, table, measures, on, beside=PIPE, judge=judge)


CASES = {"wake": run}
