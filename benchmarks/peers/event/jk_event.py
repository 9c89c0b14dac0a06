"""jk_interprocesssync's Event on the RAM disk, with sleepTime=0: its waiter always looks at a file's time stamp."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.peers import here, module

from . import Flag, Peer, nothing


def make(tag: str) -> Flag:
    fs: Any = module("jk_interprocesssync.fs")
    path = Path(here(), f"jk-event-{tag}")
    event = fs.Event(str(path), sleepTime=0, bFireOnInit=False)

    def drop() -> None:
        path.unlink(missing_ok=True)

    return Flag(event.signal, nothing, nothing, event.wait, drop, lambda: make(tag))


PEER = Peer("jk Event", "jk_interprocesssync", processes=True, make=make, flag=False, spins=True)
