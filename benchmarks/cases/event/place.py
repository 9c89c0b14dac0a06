"""Opening and setting one of very many: does a place get slower as it fills?

Each figure is the median of many times open, set, close. The ten events of the small place are compared with
ten of the full one, so that both are equally warm in the caches; opening all over the full one is shown beside,
and what it costs more is the memory's, not the place's.
"""

from __future__ import annotations

import os
import random
import statistics
from contextlib import ExitStack
from functools import partial
from itertools import cycle
from pathlib import Path
from time import perf_counter_ns
from typing import TYPE_CHECKING

from benchmarks.cases.event import OURS
from benchmarks.harness import Table, cpus, pinned, rounds
from benchmarks.peers import Absent
from benchmarks.peers.event import jk_event, system_event, tocsin_event
from benchmarks.procs import place, room_for
from tocsin import Event

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.cases import Effort
    from benchmarks.peers.event import Flag

FEW = 10
COUNTS = (10, 100, 1_000, 10_000, 100_000)
MOST = {"SystemEvent": 1_000, "jk Event": 10_000}
SAMPLE = 200
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
                       all_over: partial(open_and_set, full, scattered, times)}, effort.rounds())
        if files < many:
            message = f"the full place has {files} files only"
            raise RuntimeError(message)
    table.at_most(f"opening and setting one of {many:,}: {OURS}", one, among, 1.1)
    table.print(among)
    yield table


def opened_at(make: Callable[[str], Flag], names: list[str], times: int) -> float:
    """The median of open and set by name, in us, of a peer that has names; and that of ours beside it."""
    took = []
    turn = cycle(names)
    for _ in range(times):
        name = next(turn)
        start = perf_counter_ns()
        make(name).set()
        took.append(perf_counter_ns() - start)
    return statistics.median(took) / 1e3


def named() -> dict[str, Callable[[str], Flag]]:
    """How an event is opened by its name, again and again, by those who have names."""
    return {OURS: tocsin_event.open_event, "SystemEvent": partial(system_event.make, child=True),
            "jk Event": jk_event.make}


def sweep(effort: Effort) -> Iterator[Table]:
    """Everybody's places fill together, by a factor of ten at a time."""
    made: dict[str, list[str]] = {}
    with ExitStack() as stack, pinned(cpus()[0]):
        tables = [Table("objects", f"open and set one by name, of {count:,}", "us", along="events", x=count)
                  for count in (COUNTS[:-1] if effort.quick else COUNTS)]
        for table in tables:
            measures = {}
            for name, make in named().items():
                most = MOST.get(name, COUNTS[-1])
                if table.x > most:
                    table.absent[name] = f"not tried with more than {most:,}"
                    continue
                there = made.setdefault(name, [])
                try:
                    for number in range(len(there), int(table.x)):
                        flag = make(f"tocsin-bench-{os.getpid()}-{number}")
                        there.append(f"tocsin-bench-{os.getpid()}-{number}")
                        if name != OURS:  # ours go with their place
                            stack.callback(flag.drop)
                except Absent as reason:
                    table.absent[name] = str(reason)
                    continue
                some = random.Random(SEED).sample(there, min(SAMPLE, len(there)))
                measures[name] = partial(opened_at, make, some, effort.of(1_000, 300))
            rounds(table, measures, effort.rounds())
            table.print(OURS)
            yield table


CASES = {"100,000": run, "objects": sweep}
