"""asyncio.Event: tasks of one loop. Nobody can block on it."""

from __future__ import annotations

import asyncio

from . import Flag, Peer


def make(_tag: str) -> Flag:
    event = asyncio.Event()
    return Flag(event.set, event.clear, event.is_set, None, lambda: None)


PEER = Peer("asyncio.Event", None, processes=False, make=make)
