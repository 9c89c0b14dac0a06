"""tocsin.DataEvent, by name: each process opens it, as an unrelated process would."""

from __future__ import annotations

from benchmarks.peers import here
from tocsin import DataEvent

from . import Peer, Value


def make(tag: str) -> Value:
    opened: DataEvent[object] = DataEvent(tag, at=here(), replay=False)

    def drop() -> None:
        opened.unlink()
        opened.close()

    return Value(opened.signal, opened.latest, opened.wait, drop, lambda: make(tag))


PEER = Peer("tocsin.DataEvent", make)
