"""Many things, of which one becomes ready at a time: found, taken back, answered."""

from __future__ import annotations

import os
import resource
import time
from contextlib import ExitStack, contextmanager
from functools import partial
from time import perf_counter_ns
from typing import TYPE_CHECKING

from benchmarks.harness import Table
from benchmarks.peers.wait import PEERS, Any, AnyOfList, Epoll, Many, Sets
from benchmarks.procs import place

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.cases import Effort

#: Who is compared, over how many. Ten thousand pipes are more descriptors than most processes may have; so there the
#: epoll has its thousand.
PIPES = 1_000
COUNTS = (1, 10, 100, 1_000)
TABLES = (*((count, PEERS) for count in COUNTS), (10_000, [Epoll, Sets]), (10_000, [Epoll, Any]))


@contextmanager
def answered(many: Many, rounds_in_all: int) -> Iterator[int]:
    """Another process that makes the next one ready for each byte. The descriptor that takes the bytes."""
    reads, writes = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(writes)
            for i in range(rounds_in_all):
                if not os.read(reads, 1):
                    break
                many.ready(i % many.count)
        finally:
            os._exit(0)
    os.close(reads)
    try:
        yield writes
    finally:
        os.close(writes)
        os.waitpid(pid, 0)


def turns(many: Many, go: int, times: int) -> list[float]:
    """us from the byte that asks for one until it was found and taken back; and the waiter's processor time."""
    os.write(go, b"x")
    many.wait()  # in turn with others: what wait_any keeps from its last call was another's
    cpu, start = time.thread_time_ns(), perf_counter_ns()
    for _ in range(times):
        os.write(go, b"x")
        many.wait()
    return [(perf_counter_ns() - start) / times / 1e3, (time.thread_time_ns() - cpu) / times / 1e3]


def alone(many: Many, times: int) -> list[float]:
    """us to make one ready, find it and take it back, in one process; and of these the waiter's, without the making."""
    setting = waiting = 0
    many.ready(0)
    many.wait()  # as above
    for i in range(times):
        start = perf_counter_ns()
        many.ready(i % many.count)
        ready = perf_counter_ns()
        many.wait()
        setting += ready - start
        waiting += perf_counter_ns() - ready
    return [(setting + waiting) / times / 1e3, waiting / times / 1e3]


#: What is told of a round: the whole, and the waiter's part.
PARTS = {
    "one by one": ("another process makes one ready, it is found and taken back", "processor time of the waiter"),
    "alone": ("one process makes one ready, finds it and takes it back", "of this, to wait and to take back"),
}


def measure(effort: Effort, case: str, count: int, peers: list[type[Many]]) -> list[Table]:
    times = effort.of(1_000, 500) if count >= PIPES else effort.of(600, 300)
    tables = [Table(case, f"{count:,}: {part}", "us") for part in PARTS[case]]
    floor = Epoll.name if count <= PIPES else f"epoll, {PIPES:,} pipes"
    for table in tables[:1]:
        table.along, table.x = "objects that are waited for", count
    with place() as here, ExitStack() as stack:
        measures: dict[str, Callable[[], list[float]]] = {}
        for peer in peers:
            many = peer(min(count, PIPES) if peer is Epoll else count, here)
            name = floor if peer is Epoll else many.name
            stack.callback(many.drop)
            if case == "one by one":
                go = stack.enter_context(answered(many, 1 << 40))
                many.begin()
                measures[name] = partial(turns, many, go, times)
            else:
                many.begin()
                measures[name] = partial(alone, many, times)
        for run_once in measures.values():
            run_once()  # the first look is at everyone
        in_turn(tables, measures, effort.rounds())
    for table in tables:
        for ours in (Sets, Any, AnyOfList):
            if ours in peers and count >= PIPES:
                table.at_most(f"{table.title}: {ours.name}", ours.name, floor, 2)
        table.print(floor)
    return tables


def in_turn(tables: list[Table], measures: dict[str, Callable[[], list[float]]], count: int) -> None:
    """As harness.rounds, for measures that give a figure for each of several tables."""
    names = list(measures)
    for table in tables:
        table.values = {name: [] for name in names}
    for i in range(count):
        turned = names[i % len(names) :] + names[: i % len(names)]
        for name in turned if i % 2 == 0 else reversed(turned):
            for table, value in zip(tables, measures[name](), strict=True):
                table.values[name].append(value)


def run(case: str, effort: Effort) -> Iterator[Table]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        for count, peers in TABLES if case == "one by one" else TABLES[-3:]:
            yield from measure(effort, case, count, peers)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


CASES = {case: partial(run, case) for case in ("one by one", "alone")}
