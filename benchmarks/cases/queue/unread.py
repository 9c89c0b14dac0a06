"""What a backlog takes: memory of the process that puts, of a server, and on the RAM disk.

Counted is what would not be there without the items: the putting process's own pages, the larger of what it maps of a
RAM disk and what lies there, and Redis' own account. Each in a fresh process; once, for bytes don't vary.
"""

from __future__ import annotations

import os
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from benchmarks.cases.queue import ITEM, OURS, taking_part
from benchmarks.harness import Table
from benchmarks.peers import here, redis_server
from benchmarks.peers.queue import MSGSPEC
from benchmarks.procs import in_child

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.cases import Effort
    from benchmarks.peers.queue import Ends, Peer

COUNTS = (1_000, 10_000, 100_000, 1_000_000)
SLOW_MOST = 10_000  # at thousands of items a second a million would be minutes
BATCH = 500
SIZE = len(MSGSPEC.encode(ITEM))
BOUNDED = {  # what can't have a backlog of so many
    "a pipe": "holds 64 KiB, and then the writer waits", "SimpleQueue": "a pipe of 64 KiB, and then put() waits",
    "faster-fifo": "a ring of a size that is given beforehand, taken when it was used: 1 MB by default",
}
NAP_S, SETTLED = 0.01, 5
LOOKING = 1 << 18


def bytes_of(field: str) -> int:
    with open("/proc/self/status", encoding="ascii") as status:
        return next(int(line.split()[1]) << 10 for line in status if line.startswith(f"{field}:"))


def on_disk() -> int:
    return sum(
        os.lstat(os.path.join(folder, name)).st_blocks * 512
        for folder, _, names in os.walk(here()) for name in names
    )  # fmt: skip


def taken(peer: Peer) -> int:
    own = bytes_of("RssAnon") + max(on_disk(), bytes_of("RssShmem"))
    if peer.name.startswith("Redis"):
        own += redis_server.client().info("memory")["used_memory"]
    return own


def settled(peer: Peer) -> int:
    """When a thread has taken over what was put, and nothing grows any more: what looking itself takes is less."""
    same, most = 0, -1
    while same < SETTLED:
        now = taken(peer)
        same = same + 1 if now <= most + LOOKING else 0
        most = max(most, now)
        time.sleep(NAP_S)
    return now


def put_all(ends: Ends, peer: Peer, first: int, last: int) -> None:
    """Items that differ, so that none is kept once for all."""
    encode: Callable[[Any], Any] = peer.codec.encode if peer.codec else lambda item: item
    items = (encode({**ITEM, "job": number}) for number in range(first, last))
    if ends.put_many is None:
        put = ends.put
        assert put is not None
        for item in items:
            put(item)
        return
    left = list(items)
    for begin in range(0, len(left), BATCH):
        ends.put_many(left[begin : begin + BATCH])


def filled(peer: Peer, counts: list[int]) -> list[int]:
    """Bytes at each of these counts, in one queue."""
    made = peer.make(1, 1)
    ends = made.producer(0)
    before, there, found = settled(peer), 0, []
    for count in counts:
        put_all(ends, peer, there, count)
        there = count
        found.append(settled(peer) - before)
    return found


def wanted(peer: Peer) -> bool:
    """One of each: pyzmq keeps a backlog only for who is connected, up to a mark."""
    return peer.name in ("tocsin.Queue", "multiprocessing.Queue", "persist-queue, msgspec", "litequeue, msgspec",
                         "Redis LPUSH/BRPOP, msgspec", "jk JSONDataQueue")


def run(effort: Effort) -> Iterator[Table]:
    counts = COUNTS if effort.long else COUNTS[:-1]
    tables = [Table("backlog", f"{count:,} unread items of {SIZE} bytes", "MB", along="unread items", x=count,
                    absent=dict(BOUNDED)) for count in counts]
    for peer in taking_part(tables[0], wanted):
        most = [count for count in counts if count <= SLOW_MOST or not peer.slow or peer.name.startswith("Redis")]
        found: list[int] = in_child(partial(filled, peer, most))
        for table, size in zip(tables, found, strict=False):
            table.values[peer.name] = [size / 1e6]
    for table in tables:
        table.values["the items' JSON"] = [table.x * SIZE / 1e6]
        table.print(OURS)
        yield table


CASES = {"backlog": run}
