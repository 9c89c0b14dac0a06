"""One writer and one reader take turns with two values: signal(a), wait(b) against wait(a), signal(b)."""

from __future__ import annotations

from functools import partial
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any

from benchmarks.cases.data_event import OURS, VALUES, taking_part
from benchmarks.harness import Table, cpus, rounds
from benchmarks.procs import child, in_child

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.cases import Effort
    from benchmarks.peers.data_event import Peer, Value

PIPE = "a pipe"


def serve(a: Value, b: Value, value: Any, turns: int) -> None:
    """The child's half. Its handles are those that were open before the first signal: none is missed."""
    wait, signal = a.wait, b.signal
    assert wait is not None
    for _ in range(turns):
        wait()
        signal(value)


def play(peer: Peer, value: Any, turns: int, on: tuple[int, ...]) -> float:
    """us per round trip."""
    warm = turns // 10 + 1
    a, b = peer.make("ping"), peer.make("pong")
    try:
        theirs = (a.again() if a.again else a), b
        with child(partial(serve, *theirs, value, warm + turns), pin=on[1:2]):
            signal, wait = a.signal, b.wait
            assert wait is not None
            for count in (warm, turns):
                start = perf_counter_ns()
                for _ in range(count):
                    signal(value)
                    wait()
            return (perf_counter_ns() - start) / turns / 1e3
    finally:
        a.drop()
        b.drop()


def run(effort: Effort) -> Iterator[Table]:
    usable = cpus()
    on = tuple(usable[:2]) if len(usable) > 1 else ()
    for size, value in VALUES.items():
        table = Table("ping-pong", f"a round trip with {size}, the two on processors of their own", "us")
        found = taking_part(table, lambda peer: peer.waits and not peer.loses)
        turns = effort.of(800, 200)
        measures = {peer.name: partial(in_child, partial(play, peer, value, turns, on), pin=on[:1])
                    for peer in found}
        rounds(table, measures, effort.rounds())
        table.at_most(f"ping-pong with {size}", OURS, PIPE, 1.5)
        table.print(OURS)
        yield table


CASES = {"ping-pong": run}
