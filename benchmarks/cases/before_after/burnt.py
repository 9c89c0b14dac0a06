"""The CPU of a program that waits, from its start to its end, with all that it started: by wait4."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from benchmarks.cases.before_after import COUNT, JOBS
from benchmarks.cases.before_after.programs import HABITS, all_waiting, end_of
from benchmarks.harness import Table
from benchmarks.procs import place, process_cpu_ns

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.cases import Effort


def lives(wait_s: float, own: Table) -> dict[str, float]:
    """One of each waits that long, all at once, and is served. Into `own` what Python burns while it waits."""
    with place() as here, all_waiting(os.path.join(here, "all")) as waiters:
        pythons = [waiter for waiter in waiters if waiter.habit.name in own.values]
        before = [process_cpu_ns(waiter.process.pid) for waiter in pythons]
        time.sleep(wait_s)
        if wait_s:
            for waiter, spent in zip(pythons, before, strict=True):
                own.values[waiter.habit.name].append((process_cpu_ns(waiter.process.pid) - spent) / 1e6)
        return {waiter.habit.name: end_of(waiter) for waiter in waiters}


def run(effort: Effort) -> Iterator[Table]:
    long_s = effort.of(3, 1)
    tables = {
        0: Table("CPU", "a program's whole life, when it is served as soon as it waits", "ms"),
        long_s: Table("CPU", f"the same when it waits for {long_s} s", "ms"),
    }
    # A shell's own clock shows little: its children burn.
    own = Table("CPU", f"of which a Python program while it waits, by its own clock, in {long_s} s", "ms")
    own.values = {name: [] for name in (*COUNT, *JOBS)}
    for table in tables.values():
        table.values = {habit.name: [] for habit in HABITS}
    for _ in range(effort.rounds()):
        for wait_s, table in tables.items():
            for name, spent in lives(wait_s, own).items():
                table.values[name].append(spent)
    for table in (*tables.values(), own):
        table.print("")
        yield table


CASES = {"CPU": run}
