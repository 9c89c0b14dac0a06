"""From just before one process does something until another, asleep until then, has it."""

from __future__ import annotations

import mmap
import os
import select
import statistics
import time
from functools import partial
from time import perf_counter_ns
from typing import TYPE_CHECKING

from benchmarks.harness import Table, rounds
from benchmarks.procs import all_ready, asleep, child, in_child

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from benchmarks.cases import Effort

    Opened = Callable[[], Callable[[], object]]

WARM = 3
SPINNERS_NAP_S = 0.002
LOST_S = 2.0  # nobody takes that long: it was lost


def wait_and_tell(open_waiter: Opened, slot: memoryview, say: int) -> None:
    wait = open_waiter()
    clock, tell = perf_counter_ns, os.write
    tell(say, b".")
    while True:
        wait()
        slot[0] = clock()
        tell(say, b".")


def wakes(open_waiter: Opened, open_waker: Opened, times: int, on: tuple[int, ...], *, spins: bool,
          server: int = 0) -> list[float]:
    """So many wakes of a waiter in a process of its own, in us; we wake."""
    return wakes_of(partial(wait_and_tell, open_waiter), open_waker, times, on, spins=spins, server=server)


def wakes_of(listen: Callable[[memoryview, int], None], open_waker: Opened, times: int, on: tuple[int, ...], *,
             spins: bool = False, server: int = 0) -> list[float]:
    """The same of one who notes the time of each wake himself, and then says a byte; the first when he is there.

    `server`: a process in between, which sleeps as well when we wake, and is not still busy with what came before.
    """
    slot = memoryview(mmap.mmap(-1, 8)).cast("q")
    hear, say = os.pipe()
    took = []
    with child(partial(listen, slot, say), pin=on[1:2]) as pid:
        wake = open_waker()
        all_ready(hear, [pid])
        while len(took) < WARM + times:
            if spins:
                time.sleep(SPINNERS_NAP_S)  # it never sleeps: it is there by now
            else:
                asleep((who, int(tid)) for who in (pid, server) if who for tid in os.listdir(f"/proc/{who}/task"))
            start = perf_counter_ns()
            wake()
            if not select.select([hear], [], [], LOST_S)[0]:
                continue  # lost by a peer that may lose: again
            all_ready(hear, [pid])
            took.append((slot[0] - start) / 1e3)
    return took[WARM:]


def wake_tables(effort: Effort, table: Table, measures: Mapping[str, Callable[[], list[float]]], on: tuple[int, ...],
                *, beside: str, judge: Callable[[Table, str], None]) -> list[Table]:
    """The medians round by round, and the 99th percentile of all wakes. Each measure runs in a process of its own:
    one who spins must be nobody's neighbour, and what keeps a thread nobody else's.
    """
    where = f"pinned to the processors {on[0]} and {on[1]}" if on else "not pinned"
    table.title = f"{table.title}, {where}"
    samples = table.samples = {name: [] for name in measures}

    def median(name: str) -> float:
        took: list[float] = in_child(measures[name], pin=on[:1])
        samples[name] += took
        return statistics.median(took)

    rounds(table, {name: partial(median, name) for name in measures}, effort.rounds())
    judge(table, where)
    table.print(beside)
    count = max(len(all_of) for all_of in samples.values())
    worst = Table(table.case, f"the same, the 99th percentile of {count} wakes", "us")
    worst.values = {name: [statistics.quantiles(all_of, n=100)[98]] for name, all_of in samples.items()}
    worst.print(beside)
    return [table, worst]
