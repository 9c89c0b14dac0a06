"""The ends of a bus, and its second life in a fork's child."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING

from tocsin._bus_handler import BusHandler
from tocsin._bus_place import Nowhere
from tocsin._bus_subscription import Inbox
from tocsin._bus_wait import Seat
from tocsin._fork import begin_in_child

if TYPE_CHECKING:
    from tocsin._bus import Bus
    from tocsin._bus_registry import Registry

living: weakref.WeakSet[Bus] = weakref.WeakSet()


def close(registry: Registry, why: ValueError) -> None:
    for listener in registry.shut():
        if isinstance(listener, Seat):
            listener.fail(why)
        elif isinstance(listener, Inbox):
            listener.end(why)


def _after_fork_in_child() -> None:
    for bus in list(living):
        bus._registry.renew()
        bus._waiting = []
        for listener in bus._registry.all():
            if isinstance(listener, Inbox):
                listener.renew()
            elif isinstance(listener, BusHandler):
                listener._backlog.renew(keep=False)
                listener._running = 0
                listener._context = listener._context.copy()  # it may be entered, by a thread that is not here
                if isinstance(listener._place, Nowhere):
                    listener._place.renew()
        bus._renew()


begin_in_child(_after_fork_in_child)
