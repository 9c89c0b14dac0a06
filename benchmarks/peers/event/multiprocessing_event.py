"""multiprocessing.Event: a process and its descendants, on five semaphores."""

from __future__ import annotations

import multiprocessing

from . import Flag, Peer


def make(_tag: str) -> Flag:
    event = multiprocessing.get_context("fork").Event()
    return Flag(event.set, event.clear, event.is_set, event.wait, lambda: None)


PEER = Peer("multiprocessing.Event", None, processes=True, make=make)
