"""32 processes wait, or more or fewer, one sets: from just before set() until the last of them has noted its time."""

from __future__ import annotations

import mmap
import os
import select
import statistics
import time
from contextlib import ExitStack
from functools import partial
from time import perf_counter_ns
from typing import TYPE_CHECKING

from benchmarks.cases.event import OURS, flags, processes
from benchmarks.harness import ROUNDS, Table, rounds
from benchmarks.peers import event as peers
from benchmarks.procs import asleep, child

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.cases import Effort
    from benchmarks.peers.event import Flag

WAITERS = 32
COUNTS = (1, 2, 4, 8, 16, 64)
PATIENCE_S = 30
SPINNERS_NAP_S = 0.05


def waiter(flag: Flag, slots: memoryview, mine: int, again: int) -> None:
    """Wait, note the time, and wait once more when told so."""
    flag = flag.again() if flag.again else flag
    wait, clock, read = flag.wait, perf_counter_ns, os.read
    assert wait is not None
    # Names are local because this loop's own cost is part of everybody's figure: 32 cold copies of it run in turn.
    while read(again, 1):
        wait()
        slots[mine] = clock()


def poll_in(fd: int) -> bool:
    return bool(select.select([fd], [], [], 0)[0])


class Crowd:
    """The waiting processes of one peer."""

    def __init__(self, flag: Flag, stack: ExitStack, *, spins: bool = False, count: int = WAITERS) -> None:
        self.flag = flag
        self.spins = spins
        self.count = count
        self.slots = memoryview(mmap.mmap(-1, count * 8)).cast("q")
        self.told, self.tell = os.pipe()
        stack.callback(os.close, self.told)
        stack.callback(os.close, self.tell)
        runs = [partial(waiter, flag, self.slots, i, self.told) for i in range(count)]
        self.pids = [stack.enter_context(child(run)) for run in runs]

    def noted(self) -> int:
        return sum(1 for at in self.slots if at)

    def wake(self) -> float:
        """All asleep, then set; microseconds until the last is awake."""
        for i in range(self.count):
            self.slots[i] = 0
        os.write(self.tell, b"." * self.count)
        # A byte for each, and nobody can take two: once the pipe is empty, there is nothing but the event that
        # any of them could be asleep in.
        while poll_in(self.told):
            time.sleep(0.0005)
        self.all_asleep()
        start = perf_counter_ns()
        self.flag.set()
        deadline = time.monotonic() + PATIENCE_S
        while self.noted() < self.count:
            if time.monotonic() > deadline:
                message = f"only {self.noted()} of {self.count} waiters woke within {PATIENCE_S} s"
                raise RuntimeError(message)
            time.sleep(0.002)  # looking more often would take a processor away from those who wake
        last = max(self.slots)
        asleep([(pid, pid) for pid in self.pids])  # all have asked for their next byte
        self.flag.clear()
        return (last - start) / 1e3

    def all_asleep(self) -> None:
        if self.spins:
            time.sleep(SPINNERS_NAP_S)  # they never sleep: they are there by now
        else:
            asleep([(pid, pid) for pid in self.pids])

    def median_wake(self, times: int) -> float:
        return statistics.median(self.wake() for _ in range(times))


def awake(effort: Effort, table: Table, count: int, full: int = ROUNDS) -> None:
    """All crowds sleep side by side; one who spins would keep the others' processors."""
    times = effort.of(10 if full > ROUNDS else 5, 3)
    crowd_peers = processes(peers.all_peers())
    table.absent = {peer.name: "its waiters spin, and would be everybody's neighbours"
                    for peer in crowd_peers if peer.spins}
    with ExitStack() as stack:
        made = stack.enter_context(flags(table, [peer for peer in crowd_peers if not peer.spins], f"crowd-{count}"))
        crowds = {name: Crowd(flag, stack, count=count) for name, flag in made.items()}
        for crowd in crowds.values():
            crowd.wake()  # warm
        rounds(table, {name: partial(crowd.median_wake, times) for name, crowd in crowds.items()}, effort.rounds(full))
    table.along, table.x = "waiting processes", count


def run(effort: Effort) -> Iterator[Table]:
    table = Table("32 waiters", "set() until the last of 32 waiting processes runs again, not pinned", "us")
    awake(effort, table, WAITERS, 15)
    table.at_most("32 waiting processes all awake", OURS, "SystemEvent", 0.7)
    table.print(OURS)
    yield table


def sweep(effort: Effort) -> Iterator[Table]:
    for count in COUNTS:
        table = Table("waiters", f"set() until the last of {count} waiting processes runs again, not pinned", "us")
        awake(effort, table, count)
        table.print(OURS)
        yield table


CASES = {"32 waiters": run, "waiters": sweep}
