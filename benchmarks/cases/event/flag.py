"""is_set, and set with clear: what a call costs when nobody waits. One thread, pinned, everybody's own methods."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from benchmarks.cases.event import OURS, flags, with_a_flag
from benchmarks.harness import Table, cpus, ns_per_call, ns_per_pair, pinned, rounds
from benchmarks.peers import event as peers
from benchmarks.procs import c_program, output_of, place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.cases import Effort

FLOOR = "the core, from C"
EMPTY = "an empty Python method"


class Nothing:
    """What calling a method costs at all."""

    def nothing(self) -> None:
        """Do nothing."""


def is_set(effort: Effort) -> Iterator[Table]:
    table = Table("is_set", "is_set() of a clear event, pinned to one core", "ns")
    calls = effort.of(200_000, 20_000)
    with pinned(cpus()[0]), c_program("floor_event", core=True) as floor, place() as here, \
            flags(table, with_a_flag(peers.all_peers()), "is-set") as made:
        measures = {name: partial(ns_per_call, flag.is_set, calls) for name, flag in made.items()}
        measures[EMPTY] = partial(ns_per_call, Nothing().nothing, calls)
        measures[FLOOR] = partial(output_of, floor, "is_set", here, str(calls * 20))
        for measure in measures.values():
            measure()  # warm
        rounds(table, measures, effort.rounds())
    table.at_most("is_set no slower than threading.Event's", OURS, "threading.Event", 1.0)
    table.print(OURS)
    yield table


def set_clear(effort: Effort) -> Iterator[Table]:
    table = Table("set+clear", "set(); clear() of an event that nobody waits for, pinned to one core", "ns")
    calls = effort.of(100_000, 10_000)
    with pinned(cpus()[0]), c_program("floor_event", core=True) as floor, place() as here, \
            flags(table, with_a_flag(peers.all_peers()), "set-clear") as made:
        measures = {name: partial(ns_per_pair, flag.set, flag.clear, calls) for name, flag in made.items()}
        nothing = Nothing().nothing
        measures[f"{EMPTY}, twice"] = partial(ns_per_pair, nothing, nothing, calls)
        measures[FLOOR] = partial(output_of, floor, "set_clear", here, str(calls * 20))
        for measure in measures.values():
            measure()  # warm
        rounds(table, measures, effort.rounds())
    table.at_least("set+clear", OURS, "threading.Event", 10)
    table.at_least("set+clear", OURS, "asyncio.Event", 1.5)
    table.at_least("set+clear", OURS, "SystemEvent", 10)
    table.print(OURS)
    yield table


CASES = {"is_set": is_set, "set+clear": set_clear}
