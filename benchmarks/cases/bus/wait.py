"""From just before an emit in a thread until the task that waits for it on a loop in another runs again."""

from __future__ import annotations

import asyncio
import os
import statistics
import threading
import traceback
from functools import partial
from time import perf_counter_ns
from typing import TYPE_CHECKING

from benchmarks.cases.bus import BARE, OURS, taking_part
from benchmarks.harness import Table, rounds
from benchmarks.procs import asleep, in_child

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.cases import Effort
    from benchmarks.peers.bus import Peer

KEPT = 40  # of a round: what the data keep of it


def latencies(peer: Peer, times: int) -> list[float]:
    """Each in us; the emitter emits only when the loop's thread is provably asleep."""
    took: list[int] = []
    waiter = os.getpid(), threading.get_native_id()
    turn = threading.Semaphore(0)
    woke = threading.Semaphore(0)
    at = 0

    async def main() -> None:
        nonlocal at
        assert peer.wait is not None
        wait, emit = peer.wait()

        def emitter() -> None:
            try:
                emit_all()
            except BaseException:
                traceback.print_exc()
                os._exit(1)  # nobody would wake the loop any more

        def emit_all() -> None:
            for _ in range(times):
                turn.acquire()
                asleep([waiter])
                start = perf_counter_ns()
                emit()
                woke.acquire()
                took.append(at - start)

        thread = threading.Thread(target=emitter)
        thread.start()
        for _ in range(times):
            coming = wait()
            turn.release()  # it emits when this thread sleeps, and so has begun to wait
            await coming
            at = perf_counter_ns()
            woke.release()
        thread.join()

    asyncio.run(main())
    return [one / 1e3 for one in took[10:]]


def median(peer: Peer, times: int, samples: list[float]) -> float:
    """In a process of its own: no peer's threads are another's neighbours."""
    us: list[float] = in_child(partial(latencies, peer, times))
    samples += us[:KEPT]
    return statistics.median(us)


def run(effort: Effort) -> Iterator[Table]:
    table = Table("emit to wait", "emit() in a thread until the task that waits on a loop runs", "us")
    times = effort.of(150, 50)
    found = taking_part(table, lambda peer: peer.wait is not None)
    table.samples = {peer.name: [] for peer in found}
    rounds(table, {peer.name: partial(median, peer, times + 10, table.samples[peer.name]) for peer in found},
           effort.rounds())
    table.at_most("an emit to a wait across threads", OURS, BARE, 1.5)
    table.print(BARE)
    yield table


CASES = {"emit to wait": run}
