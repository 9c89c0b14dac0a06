"""Millions of items through one queue: what is left on the disk, and whether memory grew on the way."""

from __future__ import annotations

import os
import time
from functools import partial
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any

from benchmarks.cases.queue import ITEM, OURS
from benchmarks.cases.queue.backlog import on_disk
from benchmarks.harness import Spread, Table, Verdict
from benchmarks.procs import in_child, place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.cases import Effort

BATCH = 500
BACKLOG = 100  # batches that wait: so that segments fill, switch and go
FEW = 8  # files: the object, its bell, the owners' locks, and a few segments
PAGE_KIB = os.sysconf("SC_PAGE_SIZE") // 1024


def resident_kib() -> int:
    with open("/proc/self/statm", encoding="ascii") as statm:
        return int(statm.read().split()[1]) * PAGE_KIB


def flow(here: str, count: int) -> dict[str, Any]:
    """Put and get, a batch each in turn, behind a backlog."""
    from tocsin import Queue

    with Queue("flow", at=here) as queue:
        batch = [ITEM] * BATCH
        for _ in range(BACKLOG):
            queue.put_many(batch)
        got = 0
        early = 0
        start = perf_counter_ns()
        while got < count:
            queue.put_many(batch)
            got += len(queue.get_many(BATCH))
            if early == 0 and got >= count // 10:
                early = resident_kib()
        took = perf_counter_ns() - start
        grew = resident_kib() - early
        while queue.qsize():
            got += len(queue.get_many(BATCH))
    files, left = on_disk(here)
    return {"items": got, "seconds": took / 1e9, "grew": grew, "files": files, "left": left}


def run(effort: Effort) -> Iterator[Table]:
    count = effort.of(1_000_000, 200_000, long=10_000_000)
    with place() as here:
        start = time.monotonic()
        found = in_child(partial(flow, here, count))
        took = time.monotonic() - start
    table = Table("millions", f"{found['items']:,} items through one queue in {took:.0f} s, in one process", "KiB")
    table.values = {"left on the disk": [found["left"] / 1024], "more memory than after a tenth": [found["grew"]]}
    table.verdicts += [
        Verdict("millions", f"{OURS}: files left after {count:,} items", f"<= {FEW}",
                Spread.of([float(found["files"])]), found["files"] <= FEW),
        Verdict("millions", f"{OURS}: KiB on the disk after {count:,} items", "<= 4096",
                Spread.of([found["left"] / 1024]), found["left"] <= 4096 * 1024),
        Verdict("millions", f"{OURS}: KiB of memory gained after the first tenth", "<= 1024",
                Spread.of([float(found["grew"])]), found["grew"] <= 1024),
    ]
    table.print("")
    yield table


CASES = {"millions": run}
