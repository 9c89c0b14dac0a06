"""From just before set() until another process, which slept, is back from its wait: each wake by itself."""

from __future__ import annotations

import subprocess
from functools import partial
from typing import TYPE_CHECKING

from benchmarks.cases.event import OURS, processes
from benchmarks.cases.event.pingpong import FLOOR, FUTEX
from benchmarks.harness import Table, cpus
from benchmarks.peers import Absent, here
from benchmarks.peers import event as peers
from benchmarks.procs import LIFE_S, c_program
from benchmarks.wakes import wake_tables, wakes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.cases import Effort
    from benchmarks.peers.event import Flag, Peer


def waiter(flag: Flag) -> Callable[[], object]:
    flag = flag.again() if flag.again else flag
    wait, clear = flag.wait, flag.clear
    assert wait is not None

    def once() -> None:
        wait()
        clear()

    return once


def of_one(peer: Peer, times: int, on: tuple[int, ...]) -> list[float]:
    flag = peer.make("wake")
    try:
        return wakes(partial(waiter, flag), lambda: flag.set, times, on, spins=peer.spins)
    finally:
        flag.drop()


def from_c(floor: str, game: str, times: int, on: tuple[int, ...]) -> list[float]:
    a, b = on or (-1, -1)
    done = subprocess.run([floor, game, here(), str(times), str(a), str(b)], check=True, stdout=subprocess.PIPE,
                          text=True, timeout=LIFE_S)
    return [float(line) / 1e3 for line in done.stdout.split()]


def judge(table: Table, where: str) -> None:
    table.at_most(f"a wake of another process, {where}", OURS, "a pipe", 1.5)
    table.at_most(f"the median wake, {where}", OURS, FLOOR, 2.0)


def run(effort: Effort) -> Iterator[Table]:
    usable = cpus()
    times = effort.of(40, 20)
    with c_program("floor_event", core=True) as floor:
        for on in [tuple(usable[:2]), ()] if len(usable) > 1 else [()]:
            table = Table("wake", "set() until a sleeping process is back from its wait, cleared again", "us")
            measures: dict[str, Callable[[], list[float]]] = {}
            for peer in processes(peers.all_peers()):
                try:
                    peer.make("probe").drop()
                except Absent as reason:
                    table.absent[peer.name] = str(reason)
                else:
                    measures[peer.name] = partial(of_one, peer, times, on)
            measures[FLOOR] = partial(from_c, floor, "wake", times, on)
            measures[FUTEX] = partial(from_c, floor, "wake_futex", times, on)
            yield from wake_tables(effort, table, measures, on, beside="a pipe", judge=judge)


CASES = {"wake": run}
