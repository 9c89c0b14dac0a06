"""A million unread items: what they take, and what the first of them costs to read."""

from __future__ import annotations

import resource
import statistics
from functools import partial
from pathlib import Path
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any

from benchmarks.cases.queue import ITEM, OURS
from benchmarks.harness import Spread, Table, Verdict, rounds
from benchmarks.peers.queue import MSGSPEC
from benchmarks.procs import in_child, place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.cases import Effort

BATCH = 1000
READS = 200
ROOM = 1.5  # of an item's own size: a record has a header, and a page and a segment are rarely full


def on_disk(here: str) -> tuple[int, int]:
    """Files, and the bytes that they really take."""
    stats = [path.stat() for path in Path(here).iterdir()]
    return len(stats), sum(stat.st_blocks * 512 for stat in stats)


def read_first(queue: Any, times: int) -> float:
    """The median of many times put one, get one, in us; only the get is measured."""
    put, get, clock = queue.put, queue.get, perf_counter_ns
    took = []
    for _ in range(times):
        put(ITEM)
        start = clock()
        get()
        took.append(clock() - start)
    return statistics.median(took) / 1e3


def fill(here: str, count: int) -> int:
    """Put them in, and tell how much memory the process takes for it beyond the items themselves, in KiB."""
    from tocsin import Queue

    queue = Queue("many", at=here)
    batch = [ITEM] * BATCH
    queue.put_many(batch)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(count // BATCH - 1):
        queue.put_many(batch)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before


def run(effort: Effort) -> Iterator[Table]:
    from tocsin import Queue

    count = effort.of(1_000_000, 100_000)
    size = len(MSGSPEC.encode(ITEM))
    with place() as here:
        in_child(partial(fill, here, count))
        files, taken = on_disk(here)
        table = Table("a million", f"{count:,} unread items of {size} bytes each: {files} files", "bytes an item")
        table.values = {OURS: [taken / count], "the item's JSON": [float(size)]}
        cost = Spread.of([taken / count / size])
        # 24 bytes of header and up to 7 of padding to a multiple of 8 belong to each.
        table.verdicts.append(Verdict("a million", "a million unread items, bytes on the disk, of their own size",
                                      f"<= {ROOM + 24 / size:.2g} with the header", cost,
                                      cost.median <= ROOM + 24 / size))
        table.print("the item's JSON")
        yield table
        first = Table("a million", f"get() of the first of {count:,}, and of the only one", "us")
        among, only = f"the first of {count:,}", "the only one"
        with Queue("many", at=here) as many, Queue("one", at=here) as one:
            read_first(many, READS)
            rounds(first, {among: partial(read_first, many, READS), only: partial(read_first, one, READS)},
                   effort.rounds())
        first.at_most("reading the first of a million", among, only, 1.25)
        first.print(only)
        yield first


CASES = {"a million": run}
