"""Waiting without polling: events between threads, event loops, processes and shells.

    from tocsin import Event

    with Event("ready") as ready:   # this user, this host; any process, and `evt_set ready` in a shell
        ready.wait()

The names below are the whole public API; modules with an underscore are not.
"""

from __future__ import annotations

from tocsin._errors import (
    ConfigMismatch,
    FormatMismatch,
    ObjectDamaged,
    ObjectRemoved,
    OwnerDied,
    TocsinError,
    WaitCancelled,
    WrongKind,
)
from tocsin._event import Event
from tocsin._place import unlink

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tocsin._stats import EventStats as EventStats

__version__ = "0.1.0"

__all__ = [
    "ConfigMismatch",
    "Event",
    "EventStats",
    "FormatMismatch",
    "ObjectDamaged",
    "ObjectRemoved",
    "OwnerDied",
    "TocsinError",
    "WaitCancelled",
    "WrongKind",
    "unlink",
]


def __getattr__(name: str) -> object:
    # Loaded on first use: dataclasses cost a command more start-up time than all of the rest.
    if name == "EventStats":
        from tocsin._stats import EventStats

        return EventStats
    raise AttributeError(f"module 'tocsin' has no attribute {name!r}")
