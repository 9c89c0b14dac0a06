"""What a Lock costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.peers import Absent
from benchmarks.peers import lock as peers

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.harness import Table
    from benchmarks.peers.lock import Peer

ABOUT = "What tocsin.Lock costs, beside its peers."
PACKAGES = ("filelock", "portalocker", "fasteners", "posix_ipc")
OURS = "tocsin.Lock"
FILES = {"alone": "alone", "hand-over": "turns", "8 processes": "crowd"}


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
