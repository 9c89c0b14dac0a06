"""Many things, of which one becomes ready at a time: found, taken back, answered."""

from __future__ import annotations

import os
import resource
from contextlib import ExitStack, contextmanager
from functools import partial
from time import perf_counter_ns
from typing import TYPE_CHECKING

from benchmarks.harness import Table, rounds
from benchmarks.peers.wait import PEERS, Any, Epoll, Many, Sets
from benchmarks.procs import place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.cases import Effort

#: Who is compared, over how many. Ten thousand pipes are more descriptors than most processes may have; so there the
#: epoll has its thousand.
PIPES = 1_000
TABLES = ((1_000, PEERS), (10_000, [Epoll, Sets]), (10_000, [Epoll, Any]))


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


def turns(many: Many, go: int, times: int) -> float:
    """us from the byte that asks for one until it was found and taken back."""
    start = perf_counter_ns()
    for _ in range(times):
        os.write(go, b"x")
        many.wait()
    return (perf_counter_ns() - start) / times / 1e3


def alone(many: Many, times: int) -> float:
    """us to make one ready, find it and take it back, in one process: what it costs besides the switch."""
    start = perf_counter_ns()
    for i in range(times):
        many.ready(i % many.count)
        many.wait()
    return (perf_counter_ns() - start) / times / 1e3


def measure(effort: Effort, case: str, count: int, peers: list[type[Many]]) -> Table:
    times = effort.of(2_000, 500)
    who = "another process" if case == "one by one" else "the same process"
    table = Table(case, f"{who} makes one of {count:,} ready, it is found and taken back", "us")
    with place() as here, ExitStack() as stack:
        measures = {}
        for peer in peers:
            many = peer(PIPES if peer is Epoll else count, here)
            stack.callback(many.drop)
            if case == "one by one":
                go = stack.enter_context(answered(many, 1 << 40))
                many.begin()
                measures[many.name] = partial(turns, many, go, times)
            else:
                many.begin()
                measures[many.name] = partial(alone, many, times)
        for run_once in measures.values():
            run_once()  # the first look is at everyone
        rounds(table, measures, 9)
    for ours in (Sets, Any):
        if ours in peers:
            table.at_most(f"one of {count:,}, {case}: {ours.name}", ours.name, Epoll.name, 2)
    table.print(Epoll.name)
    return table


def run(case: str, effort: Effort) -> Iterator[Table]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        for count, peers in TABLES:
            yield measure(effort, case, count, peers)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


CASES = {case: partial(run, case) for case in ("one by one", "alone")}
