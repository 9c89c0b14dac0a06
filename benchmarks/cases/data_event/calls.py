"""signal() that nobody waits for, and latest(): one thread, pinned, a small value and one of 4 KiB."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING

from benchmarks.cases.data_event import OURS, VALUES, taking_part
from benchmarks.harness import Table, cpus, ns_per_call, pinned, rounds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.cases import Effort

PIPE = "a pipe"  # nobody reads it here: it would fill up, and it has no latest value
ARRAY = "multiprocessing.Array and Condition"


def measured(case: str, effort: Effort) -> Iterator[Table]:
    for size, value in VALUES.items():
        table = Table(case, f"{case}() with {size}, pinned to one core", "ns")
        with pinned(cpus()[0]), ExitStack() as stack:
            measures: dict[str, Callable[[], float]] = {}
            for peer in taking_part(table, lambda peer: peer.name != PIPE):
                made = peer.make("calls")
                stack.callback(made.drop)
                made.signal(value)
                call = partial(made.signal, value) if case == "signal" else made.latest
                if call is not None:
                    measures[peer.name] = partial(ns_per_call, call, effort.of(1_000, 300))
            rounds(table, measures, effort.rounds())
        table.at_least(f"{case} with {size}", OURS, "Redis SET, GET, PUBLISH", 10)
        table.at_most(f"{case} with {size}", OURS, ARRAY, 1.0)
        table.print(OURS)
        yield table


CASES = {"signal": partial(measured, "signal"), "latest": partial(measured, "latest")}
