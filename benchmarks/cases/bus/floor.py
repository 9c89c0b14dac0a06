"""The log behind a named bus, from C: what the core costs without Python and a codec, beside Python with raw bytes."""

from __future__ import annotations

from functools import partial
from time import perf_counter_ns
from typing import TYPE_CHECKING

from benchmarks.harness import Table, cpus, pinned, rounds
from benchmarks.peers import here
from benchmarks.procs import c_program, output_of
from tocsin._topic import Topic

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.cases import Effort

FROM_C = "the core, from C"
PAYLOAD = b"sixty bytes, more or less: what a short JSON document takes."


def alone(count: int) -> float:
    """us per emit and read in one process."""
    with Topic("floor.python", at=here(), replay=0) as topic:
        emit, read, turns = topic.emit, topic.read, range(count)
        start = perf_counter_ns()
        for _ in turns:
            emit(PAYLOAD)
            read(0)
        took = perf_counter_ns() - start
        topic.unlink()
    return took / count / 1e3


def run(effort: Effort) -> Iterator[Table]:
    count = effort.of(200_000, 50_000)
    with c_program("floor_topic", core=True) as floor:
        c_us = partial(from_c, floor)
        table = Table("floor", "an emit of 60 bytes in one process, pinned to one core", "us", rate="emits")
        with pinned(cpus()[0]):
            rounds(table, {
                f"{FROM_C}, nobody listens": partial(c_us, "emit", str(count * 4)),
                FROM_C: partial(c_us, "alone", str(count * 4)),
                "Topic, raw bytes": partial(alone, count),
            }, effort.rounds())
        table.print(FROM_C)
        yield table
        both = Table("floor", "one process emits, others hear all of it, from C", "us", rate="emits")
        rounds(both, {f"{n} listening": partial(c_us, "between", str(count * 4), str(n)) for n in (1, 2, 8)},
               effort.rounds())
        both.print("1 listening")
        yield both


def from_c(floor: str, what: str, *how: str) -> float:
    return output_of(floor, what, here(), *how) / 1e3


CASES = {"floor": run}
