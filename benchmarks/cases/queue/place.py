"""Opening one of very many queues, and an item through it: does a place get slower as it fills?"""

from __future__ import annotations

import random
import statistics
from functools import partial
from itertools import cycle
from time import perf_counter_ns
from typing import TYPE_CHECKING

from benchmarks.cases.queue import ITEM, OURS
from benchmarks.cases.queue.backlog import on_disk
from benchmarks.harness import Table, cpus, pinned, rounds
from benchmarks.procs import place, room_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.cases import Effort

FEW = 10
EACH = 64 << 10  # bytes that a queue through which an item went may take, and then some
SEED = 3


def fill(here: str, count: int) -> list[str]:
    """Queues that an item went through."""
    from tocsin import Queue

    names = [f"jobs-{i}" for i in range(count)]
    for name in names:
        with Queue(name, at=here) as queue:
            queue.put(ITEM)
            queue.get()
    return names


def open_put_get(here: str, names: list[str], times: int) -> float:
    """The median of open, put, get, close, in us."""
    from tocsin import Queue

    took = []
    turn = cycle(names)
    for _ in range(times):
        name = next(turn)
        start = perf_counter_ns()
        queue = Queue(name, at=here)
        queue.put(ITEM)
        queue.get()
        queue.close()
        took.append(perf_counter_ns() - start)
    return statistics.median(took) / 1e3


def run(effort: Effort) -> Iterator[Table]:
    many = effort.of(10_000, 1_000)
    with place() as small, place() as full, pinned(cpus()[0]):
        many = min(many, room_for(full) // EACH)
        few = fill(small, FEW)
        names = fill(full, many)
        shuffled = random.Random(SEED)
        some, scattered = shuffled.sample(names, FEW), shuffled.sample(names, len(names))
        files, taken = on_disk(full)
        title = (f"open, put, get and close one queue, pinned to one core; the full place has {many:,} queues, "
                 f"{files:,} files, {taken / many / 1024:.0f} KiB a queue")
        table = Table("10,000", title, "us")
        among, one, all_over = f"among {FEW}", f"among {many:,}", f"all over {many:,}"
        times = effort.of(1_000, 300)
        rounds(table, {among: partial(open_put_get, small, few, times), one: partial(open_put_get, full, some, times),
                       all_over: partial(open_put_get, full, scattered, times)}, effort.rounds())
    table.at_most(f"opening one of {many:,} and an item through it: {OURS}", one, among, 1.1)
    table.print(among)
    yield table


CASES = {"10,000": run}
