"""1,000 idle waiters: what the processes that they are in burn, beside as many threads on a bare lock."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING

from benchmarks.cases.event import OURS
from benchmarks.harness import Spread, Table, Verdict
from benchmarks.peers.event import tocsin_event
from benchmarks.procs import asleep, child, process_cpu_ns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.cases import Effort

PROCESSES, THREADS, TASKS = 4, 200, 200  # 4 x 200 threads, and 200 tasks in one loop
TICK_MS = 1e3 / os.sysconf("SC_CLK_TCK")  # what ps and top can tell apart
CONTROL = "bare locks"


def in_threads(block: Callable[[], Callable[[], object]], ready: int) -> None:
    threading.stack_size(256 * 1024)
    wait = block()
    threads = [threading.Thread(target=wait, daemon=True) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    os.write(ready, b".")
    threads[0].join()


def event_wait() -> Callable[[], object]:
    return tocsin_event.event("idle").wait


def lock_wait() -> Callable[[], object]:
    lock = threading.Lock()
    lock.acquire()
    return lock.acquire


def in_tasks(ready: int) -> None:
    async def everyone() -> None:
        event = tocsin_event.event("idle")
        waits = [asyncio.ensure_future(event.wait_async()) for _ in range(TASKS)]
        await asyncio.sleep(0)  # each has begun
        os.write(ready, b".")
        await asyncio.gather(*waits)

    asyncio.run(everyone())


def threads_of(pid: int) -> list[tuple[int, int]]:
    return [(pid, int(tid)) for tid in os.listdir(f"/proc/{pid}/task")]


def run(effort: Effort) -> Iterator[Table]:
    seconds = effort.of(5, 3)
    title = f"CPU burned in {seconds} s by {PROCESSES * THREADS} waiting threads and {TASKS} waiting tasks"
    table = Table("idle", title, "ms")
    ready, say = os.pipe()
    with ExitStack() as stack:
        stack.callback(os.close, ready)
        stack.callback(os.close, say)
        event = tocsin_event.open_event("idle")
        stack.callback(event.drop)
        groups = {
            f"{OURS}, threads": [partial(in_threads, event_wait, say)] * PROCESSES,
            f"{OURS}, tasks": [partial(in_tasks, say)],
            f"{CONTROL}, as many threads": [partial(in_threads, lock_wait, say)] * PROCESSES,
        }
        pids = {name: [stack.enter_context(child(run)) for run in runs] for name, runs in groups.items()}
        everyone = [pid for group in pids.values() for pid in group]
        told = 0
        while told < len(everyone):
            told += len(os.read(ready, len(everyone)))
        # A young bell is looked at once more after 100 ms: that belongs to going to sleep, not to being idle.
        time.sleep(0.3)
        for pid in everyone:
            asleep(threads_of(pid))
        before = {pid: process_cpu_ns(pid) for pid in everyone}
        time.sleep(seconds)
        for name, group in pids.items():
            table.values[name] = [sum(process_cpu_ns(pid) - before[pid] for pid in group) / 1e6]
        waiters = sum(len(threads_of(pid)) - 1 for pid in pids[f"{OURS}, threads"]) + TASKS
    burned = sum(table.values[name][0] for name in table.values if name.startswith(OURS))
    table.verdicts.append(Verdict(
        "idle", f"{waiters:,} idle waiters burn no measurable CPU in {seconds} s",
        f"< one clock tick ({TICK_MS:g} ms) together", Spread.of([burned]), burned < TICK_MS,
    ))
    table.print(f"{CONTROL}, as many threads")
    yield table


CASES = {"idle": run}
