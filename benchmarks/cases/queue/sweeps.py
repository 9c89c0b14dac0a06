"""Items a second over their size, and over the number of processes. Those who carry bytes carry msgspec's here: the
plain codecs are in the cases of one size.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from benchmarks.cases.queue import OURS, taking_part
from benchmarks.cases.queue.through import STDLIB, us_an_item
from benchmarks.cases.queue.traffic import Shape, enough
from benchmarks.harness import Table, rounds
from benchmarks.peers.queue import JSON, MSGSPEC

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.cases import Effort
    from benchmarks.peers.queue import Peer

SIZES = (64, 4 << 10, 64 << 10)
LARGE = 64 << 10  # judged: beyond it, all but the copies is a trifle
CROWDS = (1, 4, 16)
PLAIN = ("multiprocessing.Queue, msgspec", "SimpleQueue, msgspec", "persist-queue")  # told by their other half


def wanted(peer: Peer) -> bool:
    return peer.codec is not JSON and peer.name not in PLAIN and peer.name != "faster-fifo"


def item_of(size: int) -> dict[str, str]:
    """So many bytes as JSON."""
    text = "".join(chr(97 + i % 26) for i in range(size))
    return {"t": text[: size - len(MSGSPEC.encode({"t": ""}))]}


def judge(table: Table) -> None:
    """A pickle copies a string as it is; JSON is read byte by byte, twice (docs/benchmarks/queue.md)."""
    table.at_least("64 KiB as raw bytes, 1 to 1", f"{OURS}, raw bytes", STDLIB, 1)
    table.at_least("64 KiB as JSON, 1 to 1", OURS, STDLIB, 0.5)


def measure(effort: Effort, table: Table, shape: Shape) -> None:
    seconds = effort.of(40, 25) / 1e3
    found = taking_part(table, lambda peer: wanted(peer) and (peer.many_to_many or shape.producers == 1))
    rounds(table, {peer.name: partial(us_an_item, peer, shape, enough(peer, shape, seconds)) for peer in found},
           effort.rounds())
    table.print(OURS)


def payload(effort: Effort) -> Iterator[Table]:
    for size in SIZES:
        item = item_of(size)
        table = Table("payload", f"an item of {size:,} bytes as JSON, one by one, 1 to 1", "us", rate="items",
                      along="bytes of an item", x=size)
        measure(effort, table, Shape(1, 1, item))
        if size == LARGE:
            judge(table)
        yield table


def processes(effort: Effort) -> Iterator[Table]:
    for each in CROWDS:
        table = Table("processes", f"an item of 64 bytes, one by one, {each} to {each}", "us", rate="items",
                      along="processes", x=2 * each)
        measure(effort, table, Shape(each, each, item_of(64)))
        yield table


CASES = {"payload": payload, "processes": processes}
