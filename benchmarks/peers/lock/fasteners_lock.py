"""fasteners.InterProcessLock: looks again after 10 ms, then less and less often."""

from __future__ import annotations

from typing import Any

from benchmarks.peers import here, module

from . import Held, Peer


def make(tag: str) -> Held:
    fasteners: Any = module("fasteners")
    lock = fasteners.InterProcessLock(f"{here()}/{tag}.fasteners")
    return Held(lock.acquire, lock.release, lambda: None, lambda: make(tag))


PEER = Peer("fasteners", make, polls=True)
