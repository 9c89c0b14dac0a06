"""Items a second from one producer to one consumer, two to two, in batches, and with a 4 KiB string."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from benchmarks.cases.queue import ITEM, LARGE, OURS, taking_part
from benchmarks.cases.queue.traffic import BATCH, Shape, enough, through
from benchmarks.harness import Table, rounds

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from benchmarks.cases import Effort
    from benchmarks.peers.queue import Peer

STDLIB = "multiprocessing.Queue"


def measure(table: Table, effort: Effort, contestants: Mapping[str, tuple[Peer, Shape]]) -> None:
    seconds = effort.of(90, 40) / 1e3
    measures = {name: partial(us_an_item, peer, shape, enough(peer, shape, seconds))
                for name, (peer, shape) in contestants.items()}
    rounds(table, measures, effort.rounds())


def us_an_item(peer: Peer, shape: Shape, items: int) -> float:
    return through(peer, shape, items).us


def all_with(shape: Shape, found: list[Peer]) -> dict[str, tuple[Peer, Shape]]:
    return {peer.name: (peer, shape) for peer in found}


def one_to_one(effort: Effort) -> Iterator[Table]:
    table = Table("1-1", "an item of about 60 bytes, one by one, one producer to one consumer", "us", rate="items")
    measure(table, effort, all_with(Shape(1, 1, ITEM), taking_part(table)))
    table.at_least("one by one, 1 to 1", OURS, STDLIB, 8)
    table.at_least("one by one, 1 to 1", OURS, "pyzmq PUSH/PULL, msgspec", 1.4)
    table.at_least("one by one, 1 to 1, on a RAM disk", OURS, "jk JSONDataQueue", 50)
    table.print(OURS)
    yield table


def two_by_two(effort: Effort) -> Iterator[Table]:
    table = Table("2x2", "the same, two producers to two consumers", "us", rate="items")
    found = taking_part(table, lambda peer: peer.many_to_many)
    measure(table, effort, all_with(Shape(2, 2, ITEM), found))
    table.at_least("one by one, 2 to 2", OURS, STDLIB, 4)
    table.print(OURS)
    yield table


def batches(effort: Effort) -> Iterator[Table]:
    table = Table("batches", f"the same, 1 to 1, in batches of {BATCH} where a peer has them", "us", rate="items")
    contestants = all_with(Shape(1, 1, ITEM, batch=BATCH), taking_part(table, lambda peer: peer.batches))
    alone = f"{OURS}, one by one"
    if OURS in contestants:
        contestants[alone] = contestants[OURS][0], Shape(1, 1, ITEM)
    measure(table, effort, contestants)
    table.at_least("in batches", OURS, alone, 1.5)
    table.print(OURS)
    yield table


def large(effort: Effort) -> Iterator[Table]:
    table = Table("4 KiB", "an item with a string of 4 KiB, one by one, 1 to 1", "us", rate="items")
    measure(table, effort, all_with(Shape(1, 1, LARGE), taking_part(table)))
    table.at_least("4 KiB, 1 to 1", OURS, STDLIB, 3)
    table.print(OURS)
    yield table


CASES = {"1-1": one_to_one, "2x2": two_by_two, "batches": batches, "4 KiB": large}
