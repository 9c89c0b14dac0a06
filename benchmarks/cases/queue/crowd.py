"""64 processes on one queue: 32 put and 32 get. What an item costs in CPU, beside 2 and 2: the wait for the
processors is the machine's, but the work for an item should not grow with the crowd.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.cases.queue import ITEM, OURS, taking_part
from benchmarks.cases.queue.traffic import Shape, Took, enough, through
from benchmarks.harness import Table, rounds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.cases import Effort
    from benchmarks.peers.queue import Peer

EACH = 32
FEW = 2
REHEARSAL = 200
LIMIT = 1.5  # 64 processes on a few processors also switch, and find the caches cold
PEERS = (OURS, "multiprocessing.Queue", "faster-fifo, msgspec")


def run(effort: Effort) -> Iterator[Table]:
    clock = Table("64 processes", f"{EACH} producers and {EACH} consumers on one queue, one by one", "us", rate="items")
    cpu = Table("64 processes", "the same, CPU time of all processes", "us")
    took: dict[str, list[Took]] = {}
    measures: dict[str, Callable[[], float]] = {}
    for peer in taking_part(clock, lambda peer: peer.name in PEERS):
        for each in (FEW, EACH):
            items = enough(peer, Shape(FEW, FEW, ITEM), effort.of(60, 30) / 1e3)
            name = f"{peer.name}, {each} and {each}"
            took[name] = []

            def us(peer: Peer = peer, each: int = each, items: int = items, all_of: list[Took] = took[name]) -> float:
                all_of.append(through(peer, Shape(each, each, ITEM, rehearsal=REHEARSAL), items))
                return all_of[-1].us

            measures[name] = us
    rounds(clock, measures, effort.rounds())
    few, many = f"{OURS}, {FEW} and {FEW}", f"{OURS}, {EACH} and {EACH}"
    clock.print(few)
    yield clock
    cpu.values = {name: [one.cpu_us for one in all_of] for name, all_of in took.items()}
    cpu.at_most("64 processes on one queue, CPU an item", many, few, LIMIT)
    cpu.print(few)
    yield cpu


CASES = {"64 processes": run}
