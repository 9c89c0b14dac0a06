"""SystemEvent: a named POSIX semaphore. The first of the five systems that tocsin replaces."""

from __future__ import annotations

import os
from typing import Any

from benchmarks.peers import module

from . import Flag, Peer


def make(tag: str, *, child: bool = False) -> Flag:
    system_event: Any = module("SystemEvent")
    posix_ipc: Any = module("posix_ipc")
    name = tag if child else f"tocsin-bench-{os.getpid()}-{tag}"
    event = system_event.SystemEvent(name)

    def drop() -> None:
        posix_ipc.unlink_semaphore(f"SystemEvent.{name}")

    return Flag(event.set, event.clear, event.isSet, event.wait, drop, lambda: make(name, child=True))


PEER = Peer("SystemEvent", "SystemEvent", processes=True, make=make)
