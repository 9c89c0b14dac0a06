"""Opening and setting one of very many: does a place get slower as it fills?

Each figure is the median of many times open, set, close. The ten events of the small place are compared with
ten of the full one, so that both are equally warm in the caches; opening all over the full one is shown beside,
and what it costs more is the memory's, not the place's.
"""

from __future__ import annotations

import random
import statistics
from functools import partial
from itertools import cycle
from pathlib import Path
from time import perf_counter_ns
from typing import TYPE_CHECKING

from benchmarks.cases.event import OURS
from benchmarks.harness import Table, cpus, pinned, rounds
from benchmarks.procs import place, room_for
from tocsin import Event

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.cases import Effort

FEW = 10
EACH = 5_000  # bytes of memory that an event of its own page takes, and then some
SEED = 2


def fill(here: str, count: int) -> list[str]:
    names = [f"job-{i}" for i in range(count)]
    for name in names:
        Event(name, at=here).close()
    return names


def open_and_set(here: str, names: list[str], times: int) -> float:
    """The median of open, set, close, in us."""
    took = []
    turn = cycle(names)
    for _ in range(times):
        name = next(turn)
        start = perf_counter_ns()
        event = Event(name, at=here)
        event.set()
        event.close()
        took.append(perf_counter_ns() - start)
    return statistics.median(took) / 1e3


def run(effort: Effort) -> Iterator[Table]:
    many = effort.of(100_000, 10_000)
    with place() as small, place() as full, pinned(cpus()[0]):
        many = min(many, room_for(full) // EACH)
        title = f"open, set and close one event, pinned to one core; {many:,} events in the full place"
        table = Table("100,000", title, "us")
        few = fill(small, FEW)
        all_names = fill(full, many)
        shuffled = random.Random(SEED)
        some = shuffled.sample(all_names, min(FEW, many))
        scattered = shuffled.sample(all_names, len(all_names))
        among, one, all_over = f"among {FEW}", f"among {many:,}", f"all over {many:,}"
        files = len(list(Path(full).iterdir()))
        times = effort.of(3_000, 1_000)
        rounds(table, {among: partial(open_and_set, small, few, times), one: partial(open_and_set, full, some, times),
                       all_over: partial(open_and_set, full, scattered, times)}, effort.rounds(15))
        if files < many:
            message = f"the full place has {files} files only"
            raise RuntimeError(message)
    table.at_most(f"opening and setting one of {many:,}: {OURS}", one, among, 1.1)
    table.print(among)
    yield table


CASES = {"100,000": run}
