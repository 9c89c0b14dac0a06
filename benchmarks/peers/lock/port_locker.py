"""portalocker.Lock: opens its file in each acquire, and looks again every 250 ms."""

from __future__ import annotations

from typing import Any

from benchmarks.peers import here, module

from . import Held, Peer


def make(tag: str) -> Held:
    portalocker: Any = module("portalocker")
    lock = portalocker.Lock(f"{here()}/{tag}.portalocker", timeout=60)
    return Held(lock.acquire, lock.release, lambda: None, lambda: make(tag))


PEER = Peer("portalocker", make, polls=True)
