"""Two processes that hand a lock over: each holds it until the other one is asleep waiting for it, then gives it back.

Measured from just before `release` to just after the other one's `acquire`: what a waiter waits when he is let in.
"""

from __future__ import annotations

import mmap
import os
import struct
from functools import partial
from statistics import median
from time import perf_counter_ns
from typing import TYPE_CHECKING

from benchmarks.cases.lock import OURS, taking_part
from benchmarks.harness import Table, cpus, rounds
from benchmarks.procs import asleep, child, in_child

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.cases import Effort
    from benchmarks.peers.lock import Held

_CLOCK = struct.Struct("qq")  # how many turns he has had, and when the last one began


def wait_again_and_again(held: Held, page: mmap.mmap, may: int, told: int) -> None:
    held = held.again() if held.again else held
    turns = 0
    while True:
        os.read(may, 1)  # the other one holds it
        held.acquire()
        now = perf_counter_ns()
        turns += 1
        _CLOCK.pack_into(page, 0, turns, now)
        held.release()
        os.write(told, b".")


def hand_over(make: Callable[[str], Held], turns: int, on: tuple[int, int] | None) -> float:
    page = mmap.mmap(-1, 16)
    may, go = os.pipe()
    answer, told = os.pipe()
    held = make("turns")
    took = []
    with child(partial(wait_again_and_again, held, page, may, told), pin=(on[1],) if on else ()) as pid:
        for _ in range(turns):
            held.acquire()
            os.write(go, b".")
            asleep([(pid, pid)])
            begin = perf_counter_ns()
            held.release()
            os.read(answer, 1)
            took.append((_CLOCK.unpack_from(page)[1] - begin) / 1e3)
    held.drop()
    return float(median(took))


def run(effort: Effort) -> Iterator[Table]:
    usable = cpus()
    on = (usable[0], usable[1]) if len(usable) > 1 else None
    table = Table("hand-over", "release() to the return of the other process's acquire(), which slept", "us")
    turns = effort.of(100, 30)
    measures = {
        peer.name: partial(in_child, partial(hand_over, peer.make, turns, on), pin=(on[0],) if on else ())
        for peer in taking_part(table, lambda peer: peer.across and not peer.polls)
    }
    rounds(table, measures, effort.rounds())
    table.at_most("hand-over to a sleeper", OURS, "fcntl.flock", 2.0)
    table.print(OURS)
    yield table


CASES = {"hand-over": run}
