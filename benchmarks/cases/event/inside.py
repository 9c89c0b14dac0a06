"""A wake inside one process: from just before set() in a thread until another thread, asleep in wait(), is back.

For peers that reach no other process this is all there is; the others take part as well.
"""

from __future__ import annotations

import os
import threading
from functools import partial
from time import perf_counter_ns
from typing import TYPE_CHECKING

from benchmarks.cases.event import OURS, with_a_flag
from benchmarks.harness import Table
from benchmarks.peers import Absent
from benchmarks.peers import event as peers
from benchmarks.procs import asleep
from benchmarks.wakes import WARM, wake_tables

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.cases import Effort
    from benchmarks.peers.event import Peer

STDLIB = "threading.Event"


def of_one(peer: Peer, times: int) -> list[float]:
    """So many wakes of a thread by this one, in us."""
    flag = peer.make("inside")
    wait, set_, clear = flag.wait, flag.set, flag.clear
    assert wait is not None
    turn, done = threading.Semaphore(0), threading.Semaphore(0)
    at = 0
    here: list[int] = []

    def waiter() -> None:
        nonlocal at
        here.append(threading.get_native_id())
        done.release()
        for _ in range(WARM + times):
            turn.release()
            wait()
            at = perf_counter_ns()
            clear()
            done.release()

    thread = threading.Thread(target=waiter)
    thread.start()
    took = []
    done.acquire()
    for _ in range(WARM + times):
        turn.acquire()  # it is on its way into the wait
        asleep([(os.getpid(), here[0])])
        start = perf_counter_ns()
        set_()
        done.acquire()
        took.append((at - start) / 1e3)
    thread.join()
    flag.drop()
    return took[WARM:]


def judge(table: Table, where: str) -> None:
    table.at_most(f"a wake of another thread, {where}", OURS, STDLIB, 1.5)


def can_block(peer: Peer) -> bool:
    """Whether it can take part: asyncio.Event has nothing that blocks a thread."""
    try:
        flag = peer.make("probe")
    except Absent:
        return False
    flag.drop()
    return flag.wait is not None


def run(effort: Effort) -> Iterator[Table]:
    table = Table("wake in a process", "set() in a thread until another thread is back from its wait", "us")
    found = [peer for peer in with_a_flag(peers.all_peers()) if can_block(peer)]
    measures = {peer.name: partial(of_one, peer, effort.of(60, 20)) for peer in found}
    yield from wake_tables(effort, table, measures, (), beside=STDLIB, judge=judge)


CASES = {"wake in a process": run}
