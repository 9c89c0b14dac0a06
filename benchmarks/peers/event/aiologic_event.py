"""aiologic.REvent: threads and tasks of one process."""

from __future__ import annotations

from typing import Any

from benchmarks.peers import module

from . import Flag, Peer


def make(_tag: str) -> Flag:
    aiologic: Any = module("aiologic")
    event = aiologic.REvent()
    return Flag(event.set, event.clear, event.is_set, event.wait, lambda: None)


PEER = Peer("aiologic.REvent", "aiologic", processes=False, make=make)
