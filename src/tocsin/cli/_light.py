"""A queue and a data event for commands: their values go through cli/_json.py, so that nothing has to load msgspec."""

from __future__ import annotations

from tocsin._codec import Codec
from tocsin._data import DataEvent as _DataEvent
from tocsin._plain import check, check_each
from tocsin._queue import Queue as _Queue
from tocsin.cli import _json


def _coder(what: str) -> Codec:
    found = Codec(what, "what comes back equal from JSON")
    found.check = check
    found.check_each = check_each
    found.dump = _json.write
    found.load = _json.read
    return found


class Queue(_Queue[object]):
    def _coder(self, codec: str) -> Codec:
        return super()._coder(codec) if codec == "raw" else _coder(self._title())


class DataEvent(_DataEvent[object]):
    def _coder(self) -> Codec:
        return _coder(self._title())
