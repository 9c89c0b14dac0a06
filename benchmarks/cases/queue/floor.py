"""The queue from C: what the core costs without Python and without a codec, beside Python with raw bytes."""

from __future__ import annotations

from functools import partial
from time import perf_counter_ns
from typing import TYPE_CHECKING

from benchmarks.cases.queue import ITEM
from benchmarks.cases.queue.traffic import BATCH
from benchmarks.harness import Table, cpus, pinned, rounds
from benchmarks.peers import here
from benchmarks.peers.queue import MSGSPEC, tocsin_queue
from benchmarks.procs import c_program, output_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.cases import Effort

FROM_C = "the core, from C"


def alone(codec: str, item: object, count: int) -> float:
    """us per put and get in one process."""
    made = tocsin_queue.make(codec, 1, 1)
    ends = made.producer(0)
    put, get = ends.put, ends.get
    assert put is not None
    assert get is not None
    turns = range(count)
    try:
        start = perf_counter_ns()
        for _ in turns:
            put(item)
            get()
        return (perf_counter_ns() - start) / count / 1e3
    finally:
        made.drop()


def run(effort: Effort) -> Iterator[Table]:
    count = effort.of(50_000, 20_000)
    usable = cpus()
    pair = [str(cpu) for cpu in usable[:2]] if len(usable) > 1 else ["-1", "-1"]
    with c_program("floor_queue", core=True) as floor:
        table = Table("floor", "put and get of about 60 bytes in one process, pinned to one core", "us", rate="items")
        c_us = partial(from_c, floor)
        with pinned(usable[0]):
            measures: dict[str, Callable[[], float]] = {
                FROM_C: partial(c_us, "alone", str(count * 4)),
                f"{FROM_C}, put, receive, ack": partial(c_us, "receive", str(count * 4)),
                "tocsin.Queue, raw bytes": partial(alone, "raw", MSGSPEC.encode(ITEM), count),
                "tocsin.Queue": partial(alone, "json", ITEM, count),
            }
            rounds(table, measures, effort.rounds())
        table.print(FROM_C)
        yield table
        title = f"from one process to another, from C, on processors {' and '.join(pair)}"
        both = Table("floor", title, "us", rate="items")
        rounds(both, {
            "one by one": partial(c_us, "between", str(count * 4), "1", *pair),
            f"in batches of {BATCH}": partial(c_us, "between", str(count * 8), str(BATCH), *pair),
        }, effort.rounds())
        both.print("one by one")
        yield both


def from_c(floor: str, what: str, *how: str) -> float:
    return output_of(floor, what, here(), *how) / 1e3


CASES = {"floor": run}
