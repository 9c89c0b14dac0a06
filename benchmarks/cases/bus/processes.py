"""Emits from one process to a handler in another: from the first emit until the last is heard. Nothing is dropped.

And the processor time of both together, with all their threads, which says more on a machine that others use, too.
"""

from __future__ import annotations

import os
from functools import partial
from time import perf_counter_ns, process_time_ns
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


def heard(fd: int, size: int) -> bytes:
    """What the listener says; raise if it ended instead."""
    if found := os.read(fd, size):
        return found
    message = "the listener ended; its traceback is above"
    raise RuntimeError(message)


def us_an_emit(peer: Between, emits: int, *, cpu: bool = False) -> float:
    now = process_time_ns if cpu else perf_counter_ns
    name = tag()
    ready, say_ready = os.pipe()
    done, say_done = os.pipe()

    def listener() -> None:
        hear = peer.listen(name, lambda _item: None)
        os.write(say_ready, b".")
        hear(100)
        os.write(say_done, b".")
        begun = now()
        hear(emits)
        os.write(say_done, (now() - begun).to_bytes(8))

    with child(listener):
        os.close(say_ready)  # so that a listener that ends is an end of what is read
        os.close(say_done)
        heard(ready, 1)
        emit = peer.emitter(name)
        for _ in range(100):
            emit(ITEM)
        heard(done, 1)
        start = now()
        for _ in range(emits):
            emit(ITEM)
        listeners = int.from_bytes(heard(done, 8))
        took = (now() - start + (listeners if cpu else 0)) / emits / 1e3
    os.close(ready)
    os.close(done)
    return took


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
    emits = {OURS: effort.of(50_000, 10_000), "Redis": 2_000}

    def measured(table: Table, *, cpu: bool) -> None:
        rounds(table, {
            peer.name: partial(
                in_child, partial(us_an_emit, peer, emits["Redis" if "Redis" in peer.name else OURS], cpu=cpu))
            for peer in taking_part(table)
        }, effort.rounds())

    table = Table("processes", "an emit of 60 bytes to a handler in another process", "us", rate="emits")
    measured(table, cpu=False)
    table.at_least("emits between processes, 60 bytes", OURS, PEERS[1].name, 1.0)
    table.at_least("emits between processes, 60 bytes", OURS, PEERS[2].name, 20.0)
    table.print(OURS)
    yield table
    spent = Table("processes", "the same: processor time of emitter and listener (and not of Redis' server)", "us")
    measured(spent, cpu=True)
    spent.print(OURS)
    yield spent


CASES = {"processes": run}
