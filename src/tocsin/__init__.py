"""Waiting without polling: events, values and queues between threads, event loops, processes and shells.

    from tocsin import Event

    with Event("ready") as ready:   # this user, this host; any process, and `evt_set ready` in a shell
        ready.wait()

The names below are the whole public API; modules with an underscore are not.
"""

from __future__ import annotations

from tocsin._errors import (
    ConfigMismatch,
    FormatMismatch,
    InvalidMessage,
    Lagged,
    LeaseLost,
    MessageTooLarge,
    ObjectDamaged,
    ObjectRemoved,
    OwnerDied,
    TocsinError,
    VersionConflict,
    WaitCancelled,
    WrongKind,
)
from tocsin._event import Event
from tocsin._place import unlink

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tocsin._data import DataEvent as DataEvent
    from tocsin._delivery import Delivery as Delivery
    from tocsin._errors import Empty as Empty
    from tocsin._errors import Full as Full
    from tocsin._errors import ShutDown as ShutDown
    from tocsin._queue import Queue as Queue
    from tocsin._signal import Signal as Signal
    from tocsin._stats import DataEventStats as DataEventStats
    from tocsin._stats import EventStats as EventStats
    from tocsin._stats import QueueStats as QueueStats
    from tocsin._stats import SignalStats as SignalStats

__version__ = "0.1.0"

__all__ = [
    "ConfigMismatch",
    "DataEvent",
    "DataEventStats",
    "Delivery",
    "Empty",
    "Event",
    "EventStats",
    "FormatMismatch",
    "Full",
    "InvalidMessage",
    "Lagged",
    "LeaseLost",
    "MessageTooLarge",
    "ObjectDamaged",
    "ObjectRemoved",
    "OwnerDied",
    "Queue",
    "QueueStats",
    "ShutDown",
    "Signal",
    "SignalStats",
    "TocsinError",
    "VersionConflict",
    "WaitCancelled",
    "WrongKind",
    "unlink",
]

#: Loaded on first use, and where from: a command that sets an event must not pay for codecs and dataclasses.
_LATER = {
    "DataEvent": "_data",
    "DataEventStats": "_stats",
    "Delivery": "_delivery",
    "Empty": "_errors",
    "EventStats": "_stats",
    "Full": "_errors",
    "Queue": "_queue",
    "QueueStats": "_stats",
    "ShutDown": "_errors",
    "Signal": "_signal",
    "SignalStats": "_stats",
}


def __getattr__(name: str) -> object:
    if name in _LATER:
        from importlib import import_module

        found = globals()[name] = getattr(import_module(f"tocsin.{_LATER[name]}"), name)
        return found
    raise AttributeError(f"module 'tocsin' has no attribute {name!r}")
