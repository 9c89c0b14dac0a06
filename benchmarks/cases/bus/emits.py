"""Emits to one callback on an asyncio loop: from the first emit until the last call is over.

On the loop's own thread in bursts of a hundred with a turn of the loop in between, because a task that never awaits
is no task; and from another thread, which just emits.
"""

from __future__ import annotations

import asyncio
import threading
from functools import partial
from time import perf_counter_ns
from typing import TYPE_CHECKING

from benchmarks.cases.bus import OURS, SEED, taking_part
from benchmarks.harness import Table, rounds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.cases import Effort
    from benchmarks.peers.bus import Peer

BURST = 100


def counter(emits: int, done: Callable[[], object]) -> Callable[[int], None]:
    heard = 0

    def callback(_number: int) -> None:
        nonlocal heard
        heard += 1
        if heard == emits:
            done()

    return callback


def own_loop(peer: Peer, emits: int) -> float:
    """us an emit."""

    async def main() -> float:
        loop = asyncio.get_running_loop()
        done = asyncio.Event()
        emit = peer.hear(loop, counter(emits, done.set))
        start = perf_counter_ns()
        for number in range(emits):
            emit(number)
            if number % BURST == 0:
                await asyncio.sleep(0)
        await done.wait()
        return (perf_counter_ns() - start) / emits / 1e3

    return asyncio.run(main())


def across(peer: Peer, emits: int) -> float:
    """us an emit."""
    loop = asyncio.new_event_loop()
    done = threading.Event()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    emit = peer.hear(loop, counter(emits, done.set))
    start = perf_counter_ns()
    for number in range(emits):
        emit(number)
    done.wait()
    took = (perf_counter_ns() - start) / emits / 1e3
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()
    return took


def run_own(effort: Effort) -> Iterator[Table]:
    table = Table("own loop", "an emit and its call on the emitter's own loop", "us", rate="emits")
    emits = effort.of(20_000, 5_000)
    found = taking_part(table, lambda peer: peer.calls)
    rounds(table, {peer.name: partial(own_loop, peer, emits) for peer in found}, effort.rounds())
    table.at_least("emits to one handler on the emitter's own loop", OURS, SEED, 3.0)
    table.at_least("the same to a coroutine function", f"{OURS}, a coroutine", f"{SEED}, a coroutine", 3.0)
    table.print(OURS)
    yield table


def run_across(effort: Effort) -> Iterator[Table]:
    table = Table("across threads", "an emit from a thread to a call on a loop in another", "us", rate="emits")
    emits = effort.of(20_000, 5_000)
    took = {peer.name: partial(across, peer, emits) for peer in taking_part(table, lambda peer: peer.across)}
    rounds(table, took, effort.rounds())
    table.at_least("emits to one handler across threads", OURS, SEED, 2.0)
    table.at_least("the same to a coroutine function", f"{OURS}, a coroutine", f"{SEED}, a coroutine", 2.0)
    table.print(OURS)
    yield table


CASES = {"own loop": run_own, "across threads": run_across}
