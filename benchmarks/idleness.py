"""What processes that wait burn while nothing happens."""

from __future__ import annotations

import os
import time
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING

from benchmarks.procs import all_ready, asleep, child, process_cpu_ns

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from benchmarks.harness import Table

    Opened = Callable[[], Callable[[], object]]

TICK_MS = 1e3 / os.sysconf("SC_CLK_TCK")  # what ps and top can tell apart
SETTLE_S = 0.3  # what going to sleep costs is not idleness


def wait_once(open_waiter: Opened, say: int) -> None:
    wait = open_waiter()
    os.write(say, b".")
    wait()


def burn(table: Table, waiters: Mapping[str, Opened], spinning: set[str], seconds: int) -> None:
    """All at once, each in a process of its own; by each process's own CPU clock, in ms."""
    hear, say = os.pipe()
    with ExitStack() as stack:
        for fd in (hear, say):
            stack.callback(os.close, fd)
        pids = {}
        for name, open_waiter in waiters.items():
            pids[name] = pid = stack.enter_context(child(partial(wait_once, open_waiter, say)))
            all_ready(hear, [pid])
            if name not in spinning:
                asleep([(pid, pid)])
        time.sleep(SETTLE_S)
        before = {pid: process_cpu_ns(pid) for pid in pids.values()}
        time.sleep(seconds)
        for name, pid in pids.items():
            table.values[name] = [(process_cpu_ns(pid) - before[pid]) / 1e6]
