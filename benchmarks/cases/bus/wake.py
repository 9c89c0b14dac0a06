"""From just before an emit until the handler in another process, all of whose threads slept, has been called."""

from __future__ import annotations

import os
from functools import partial
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any

from benchmarks.cases.bus.processes import ITEM, OURS, taking_part
from benchmarks.harness import Table, cpus
from benchmarks.peers.bus.between import PEERS, Between, tag
from benchmarks.wakes import wake_tables, wakes_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.cases import Effort

ZMQ = PEERS[1].name
AT_ONCE = 1 << 40  # emits that are heard until somebody ends us


def listen(peer: Between, name: str, slot: memoryview, say: int) -> None:
    clock, tell = perf_counter_ns, os.write

    def heard(_item: Any) -> None:
        slot[0] = clock()
        tell(say, b".")

    hear = peer.listen(name, heard)
    tell(say, b".")
    hear(AT_ONCE)


def of_one(peer: Between, times: int, on: tuple[int, ...]) -> list[float]:
    name = tag()
    return wakes_of(partial(listen, peer, name), lambda: partial(peer.emitter(name), ITEM), times, on)


def judge(table: Table, where: str) -> None:
    table.at_most(f"an emit to a sleeping handler in another process, {where}", OURS, ZMQ, 1.0)


def run(effort: Effort) -> Iterator[Table]:
    usable = cpus()
    for on in [tuple(usable[:2]), ()] if len(usable) > 1 else [()]:
        table = Table("wake", "emit() until a handler in another process, asleep before, is called", "us")
        measures = {peer.name: partial(of_one, peer, effort.of(40, 20), on) for peer in taking_part(table)}
        yield from wake_tables(effort, table, measures, on, beside=ZMQ, judge=judge)


CASES = {"wake": run}
