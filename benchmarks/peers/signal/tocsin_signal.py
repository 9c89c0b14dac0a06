"""tocsin.Signal, by name: each process opens it, as an unrelated process would."""

from __future__ import annotations

from benchmarks.peers import here
from benchmarks.peers.event import Flag
from tocsin import Signal

from . import Peer


def nothing() -> None:
    """A signal is no state."""


def make(tag: str, listeners: int) -> Flag:
    opened = Signal(tag, at=here())

    def drop() -> None:
        opened.unlink()
        opened.close()

    return Flag(opened.signal, nothing, nothing, opened.wait, drop, lambda: make(tag, listeners))


PEER = Peer("tocsin.Signal", make)
