"""Emits from one process to a handler in another: from the first emit until the last is heard. Nothing is dropped."""

from __future__ import annotations

import os
from functools import partial
from time import perf_counter_ns
from typing import TYPE_CHECKING

from benchmarks.harness import Table, rounds
from benchmarks.peers import Absent, module, redis_server
from benchmarks.peers.bus.between import PEERS, Between, tag
from benchmarks.procs import child, in_child

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.cases import Effort

OURS = PEERS[0].name
ITEM = {"id": 123456, "name": "an event of sixty bytes", "ok": True}


def us_an_emit(peer: Between, emits: int) -> float:
    name = tag()
    ready, say_ready = os.pipe()
    done, say_done = os.pipe()

    def listener() -> None:
        hear = peer.listen(name, lambda _item: None)
        os.write(say_ready, b".")
        hear(100)
        os.write(say_done, b".")
        hear(emits)
        os.write(say_done, b".")

    with child(listener):
        os.read(ready, 1)
        emit = peer.emitter(name)
        for _ in range(100):
            emit(ITEM)
        os.read(done, 1)
        start = perf_counter_ns()
        for _ in range(emits):
            emit(ITEM)
        os.read(done, 1)
        return (perf_counter_ns() - start) / emits / 1e3


def taking_part(table: Table) -> list[Between]:
    found = []
    for peer in PEERS:
        try:
            if "zmq" in peer.name:
                module("zmq")
            elif "Redis" in peer.name:
                redis_server.client()
        except Absent as reason:
            table.absent[peer.name] = str(reason)
        else:
            found.append(peer)
    return found


def run(effort: Effort) -> Iterator[Table]:
    table = Table("processes", "an emit of 60 bytes to a handler in another process", "us", rate="emits")
    emits = {OURS: effort.of(50_000, 10_000), "Redis": 2_000}
    measures = {
        peer.name: partial(in_child, partial(us_an_emit, peer, emits["Redis" if "Redis" in peer.name else OURS]))
        for peer in taking_part(table)
    }
    rounds(table, measures, 9)
    table.at_least("emits between processes, 60 bytes", OURS, PEERS[1].name, 1.0)
    table.at_least("emits between processes, 60 bytes", OURS, PEERS[2].name, 20.0)
    table.print(OURS)
    yield table


CASES = {"processes": run}
