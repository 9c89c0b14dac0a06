"""threading.Event: threads of one process."""

from __future__ import annotations

import threading

from . import Flag, Peer


def make(_tag: str) -> Flag:
    event = threading.Event()
    return Flag(event.set, event.clear, event.is_set, event.wait, lambda: None)


PEER = Peer("threading.Event", None, processes=False, make=make)
