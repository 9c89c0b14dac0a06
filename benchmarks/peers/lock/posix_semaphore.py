"""posix_ipc.Semaphore: a named semaphore of one; stays locked when its holder is killed."""

from __future__ import annotations

import os
from typing import Any

from benchmarks.peers import module

from . import Held, Peer


def make(tag: str) -> Held:
    posix_ipc: Any = module("posix_ipc")
    name = f"/tocsin-bench-{os.getpid()}-{tag}"
    lock = posix_ipc.Semaphore(name, posix_ipc.O_CREX, initial_value=1)
    posix_ipc.unlink_semaphore(name)  # forked children inherit it
    return Held(lock.acquire, lock.release, lock.close)


PEER = Peer("posix_ipc.Semaphore", make)
