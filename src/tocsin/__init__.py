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
    Unreachable,
    VersionConflict,
    WaitCancelled,
    WrongKind,
)
from tocsin._event import Event
from tocsin._place import unlink

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tocsin._bus import Bus as Bus
    from tocsin._bus_event import BusEvent as BusEvent
    from tocsin._bus_handler import BusHandler as BusHandler
    from tocsin._bus_subscription import Subscription as Subscription
    from tocsin._data import DataEvent as DataEvent
    from tocsin._delivery import Delivery as Delivery
    from tocsin._errors import Empty as Empty
    from tocsin._errors import Full as Full
    from tocsin._errors import ShutDown as ShutDown
    from tocsin._lock import Lock as Lock
    from tocsin._owner import Owner as Owner
    from tocsin._queue import Queue as Queue
    from tocsin._signal import Signal as Signal
    from tocsin._stats import BusStats as BusStats
    from tocsin._stats import DataEventStats as DataEventStats
    from tocsin._stats import EventStats as EventStats
    from tocsin._stats import LockStats as LockStats
    from tocsin._stats import QueueStats as QueueStats
    from tocsin._stats import SignalStats as SignalStats
    from tocsin._stats import WatchpointStats as WatchpointStats
    from tocsin._wait_any import wait_all as wait_all
    from tocsin._wait_any import wait_all_async as wait_all_async
    from tocsin._wait_any import wait_any as wait_any
    from tocsin._wait_any import wait_any_async as wait_any_async
    from tocsin._wait_set import WaitSet as WaitSet
    from tocsin._watchpoint import Watchpoint as Watchpoint
    from tocsin._watchpoint import WatchpointHandler as WatchpointHandler

__version__ = "0.1.0"

__all__ = [
    "Bus",
    "BusEvent",
    "BusHandler",
    "BusStats",
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
    "Lock",
    "LockStats",
    "MessageTooLarge",
    "ObjectDamaged",
    "ObjectRemoved",
    "Owner",
    "OwnerDied",
    "Queue",
    "QueueStats",
    "ShutDown",
    "Signal",
    "SignalStats",
    "Subscription",
    "TocsinError",
    "Unreachable",
    "VersionConflict",
    "WaitCancelled",
    "WaitSet",
    "Watchpoint",
    "WatchpointHandler",
    "WatchpointStats",
    "WrongKind",
    "unlink",
    "wait_all",
    "wait_all_async",
    "wait_any",
    "wait_any_async",
]

#: Loaded on first use, and where from: a command that sets an event must not pay for codecs and dataclasses.
_LATER = {
    "Bus": "_bus",
    "BusEvent": "_bus_event",
    "BusHandler": "_bus_handler",
    "BusStats": "_stats",
    "DataEvent": "_data",
    "DataEventStats": "_stats",
    "Delivery": "_delivery",
    "Empty": "_errors",
    "EventStats": "_stats",
    "Full": "_errors",
    "Lock": "_lock",
    "LockStats": "_stats",
    "Owner": "_owner",
    "Queue": "_queue",
    "QueueStats": "_stats",
    "ShutDown": "_errors",
    "Signal": "_signal",
    "SignalStats": "_stats",
    "Subscription": "_bus_subscription",
    "WaitSet": "_wait_set",
    "Watchpoint": "_watchpoint",
    "WatchpointHandler": "_watchpoint",
    "WatchpointStats": "_stats",
    "wait_all": "_wait_any",
    "wait_all_async": "_wait_any",
    "wait_any": "_wait_any",
    "wait_any_async": "_wait_any",
}


def __getattr__(name: str) -> object:
    if name in _LATER:
        from importlib import import_module

        found = globals()[name] = getattr(import_module(f"tocsin.{_LATER[name]}"), name)
        return found
    raise AttributeError(f"module 'tocsin' has no attribute {name!r}")
