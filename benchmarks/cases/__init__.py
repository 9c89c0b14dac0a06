"""The cases of the acceptance list, one file per kind of measurement."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from importlib import import_module

from benchmarks.harness import Table
from benchmarks.peers import Absent, Flag, Peer


@dataclasses.dataclass(frozen=True)
class Effort:
    """How long to measure. Quick is for a look, full for a figure to quote."""

    quick: bool

    def of(self, full: int, quick: int) -> int:
        return quick if self.quick else full


Case = Callable[[Effort], Iterator[Table]]

OURS = "tocsin.Event"
FILES = {  # the case, and the file whose `run` measures it
    "is_set": "flag", "set+clear": "flag", "ping-pong": "pingpong", "32 waiters": "fanout", "asyncio": "loop",
    "evt_set": "start", "idle": "idle", "100,000": "place",
}


def run(case: str, effort: Effort) -> Iterator[Table]:
    yield from import_module(f"{__name__}.{FILES[case]}").CASES[case](effort)


@contextmanager
def flags(table: Table, peers: Iterable[Peer], tag: str) -> Iterator[dict[str, Flag]]:
    """An event of each peer that can take part; the others go into the table with their reason."""
    with ExitStack() as stack:
        made = {}
        for peer in peers:
            try:
                made[peer.name] = flag = peer.make(tag)
            except Absent as reason:
                table.absent[peer.name] = str(reason)
            else:
                stack.callback(flag.drop)
        yield made


def processes(peers: Iterable[Peer]) -> list[Peer]:
    return [peer for peer in peers if peer.processes]
