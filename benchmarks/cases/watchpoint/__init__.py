"""What it costs to wait for a directory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.peers import Absent
from benchmarks.peers import watchpoint as peers

if TYPE_CHECKING:
    from benchmarks.harness import Table
    from benchmarks.peers.watchpoint import Peer

ABOUT = "What tocsin.WatchpointHandler costs, beside its peers."
PACKAGES = ("watchfiles", "watchdog")
OURS = "tocsin, a thread"
TASK = "tocsin, a task"
FLOOR = "inotify itself"
TASK_FLOOR = "inotify by add_reader"
FILES = {"wake": "wake", "idle": "idle"}


def taking_part(table: Table) -> list[Peer]:
    """The peers that are installed; the others go into the table with their reason."""
    found = []
    for peer in peers.all_peers():
        try:
            peer.make("probe").drop()
        except Absent as reason:
            table.absent[peer.name] = str(reason)
        else:
            found.append(peer)
    return found
