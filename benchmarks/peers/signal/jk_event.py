"""jk_interprocesssync's Event on the RAM disk, with sleepTime=0: a file's time stamp, looked at all the time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.peers import here, module
from benchmarks.peers.event import Flag

from . import Peer
from .tocsin_signal import nothing


def make(tag: str, listeners: int) -> Flag:
    fs: Any = module("jk_interprocesssync.fs")
    path = Path(here(), f"jk-signal-{tag}")
    event = fs.Event(str(path), sleepTime=0, bFireOnInit=False)

    def drop() -> None:
        path.unlink(missing_ok=True)

    return Flag(event.signal, nothing, nothing, event.wait, drop, lambda: make(tag, listeners))


PEER = Peer("jk Event", make, spins=True)
