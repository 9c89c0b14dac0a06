"""tocsin.Event, by name: the handle of another process is opened there, as an unrelated process would."""

from __future__ import annotations

from benchmarks.peers import here
from tocsin import Event

from . import Flag, Peer


def event(tag: str, spin: float = 0.0) -> Event:
    return Event(tag, at=here(), spin=spin)


def open_event(tag: str, spin: float = 0.0) -> Flag:
    opened = event(tag, spin)

    def drop() -> None:
        opened.unlink()
        opened.close()

    return Flag(opened.set, opened.clear, opened.is_set, opened.wait, drop, lambda: open_event(tag, spin))


PEER = Peer("tocsin.Event", "tocsin", processes=True, make=open_event)
