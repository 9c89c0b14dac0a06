"""jk_interprocesssync's JSONDataEvent on the RAM disk, with sleepTime=0: a file, and a waiter that looks all the time.

It takes a relative path only. Two signals within one tick of the file system's clock are one.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from benchmarks.peers import here, module

from . import Peer, Value


def make(tag: str) -> Value:
    fs: Any = module("jk_interprocesssync.fs")
    event = fs.JSONDataEvent(f"jk-{tag}", sleepTime=0, bFireOnInit=False)
    os.chdir(here())

    def wait() -> Any:
        return event.wait()[1]

    def drop() -> None:
        with suppress(FileNotFoundError):
            Path(here(), f"jk-{tag}").unlink()

    return Value(event.signal, None, wait, drop, lambda: make(tag))


PEER = Peer("jk JSONDataEvent", make, spins=True, loses=True)
