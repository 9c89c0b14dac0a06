"""multiprocessing.Condition: a process and its descendants. What comes while nobody waits is lost."""

from __future__ import annotations

import multiprocessing

from benchmarks.peers.event import Flag

from . import Peer
from .tocsin_signal import nothing


def make(_tag: str, _listeners: int) -> Flag:
    condition = multiprocessing.get_context("fork").Condition()

    def signal() -> None:
        with condition:
            condition.notify_all()

    def wait() -> None:
        with condition:
            condition.wait()

    return Flag(signal, nothing, nothing, wait, nothing)


PEER = Peer("multiprocessing.Condition", make, keeps=False)
