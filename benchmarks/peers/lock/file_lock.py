"""filelock.FileLock: looks again every 50 ms, unless it is told otherwise."""

from __future__ import annotations

from typing import Any

from benchmarks.peers import here, module

from . import Held, Peer


def make(tag: str) -> Held:
    filelock: Any = module("filelock")
    lock = filelock.FileLock(f"{here()}/{tag}.filelock")
    return Held(lock.acquire, lock.release, lambda: None, lambda: make(tag))


PEER = Peer("filelock", make, polls=True)
