"""acquire() and release() of a lock that nobody else wants, in one thread."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING

from benchmarks.cases.lock import OURS, taking_part
from benchmarks.harness import Table, cpus, ns_per_pair, pinned, rounds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.cases import Effort


def run(effort: Effort) -> Iterator[Table]:
    table = Table("alone", "acquire() and release() that nobody else wants, pinned to one core", "ns")
    calls = effort.of(2_000, 500)
    with pinned(cpus()[0]), ExitStack() as stack:
        pairs: dict[str, Callable[[], float]] = {}
        for peer in taking_part(table):
            held = peer.make("alone")
            stack.callback(held.drop)
            pairs[peer.name] = partial(ns_per_pair, held.acquire, held.release, calls)
        rounds(table, pairs, effort.rounds())
    table.at_least("acquire() and release()", OURS, "filelock", 20)
    table.at_most("acquire() and release()", OURS, "fcntl.flock", 1.0)
    table.print(OURS)
    yield table


CASES = {"alone": run}
