"""signal() that nobody waits for, and signal() with the wait() that hears it, in one thread."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING

from benchmarks.cases.signal import OURS, taking_part
from benchmarks.harness import Table, cpus, ns_per_call, ns_per_pair, pinned, rounds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.cases import Effort


def run(effort: Effort) -> Iterator[Table]:
    alone = Table("signal", "signal() that nobody waits for, pinned to one core", "ns")
    heard = Table("signal", "signal() and the wait() that hears it, one thread, pinned to one core", "ns")
    calls = effort.of(2_000, 500)
    with pinned(cpus()[0]), ExitStack() as stack:
        single: dict[str, Callable[[], float]] = {}
        pairs: dict[str, Callable[[], float]] = {}
        # A pipe that nobody reads fills up; and a wait can't hear what was lost while nobody waited.
        for peer in taking_part(alone):
            flag = peer.make("calls", 1)
            stack.callback(flag.drop)
            if peer.name != "a pipe":
                single[peer.name] = partial(ns_per_call, flag.set, calls)
            if peer.keeps and not peer.spins:
                assert flag.wait is not None
                pairs[peer.name] = partial(ns_per_pair, flag.set, flag.wait, calls)
        rounds(heard, pairs, effort.rounds())
        rounds(alone, single, effort.rounds())
    alone.at_most("signal() that nobody waits for", OURS, "multiprocessing.Condition", 1.0)
    alone.print(OURS)
    yield alone
    heard.at_most("signal() and its wait()", OURS, "a pipe", 1.0)
    heard.print(OURS)
    yield heard


CASES = {"signal": run}
