"""The same objects on a Redis or Valkey server (docs/design/servers.md): what `at="redis://..."` gives.

`far(cls)` is the class that stands for `cls` there. It is a subclass, so a program that says ``Event`` everywhere needs
no change, and what is the same on every place, names, codecs and dead letters, is said once.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

#: By the name of the class here: module and class there.
_THERE = {
    "DataEvent": ("data", "RedisDataEvent"),
    "Event": ("event", "RedisEvent"),
    "Lock": ("lock", "RedisLock"),
    "Queue": ("queue", "RedisQueue"),
    "Signal": ("signal", "RedisSignal"),
    "Topic": ("topic", "RedisTopic"),
}
#: By kind: module and class here.
KINDS = {
    "bus": ("tocsin._topic", "Topic"),
    "data": ("tocsin._data", "DataEvent"),
    "event": ("tocsin._event", "Event"),
    "lock": ("tocsin._lock", "Lock"),
    "queue": ("tocsin._queue", "Queue"),
    "signal": ("tocsin._signal", "Signal"),
}
_found: dict[type, type] = {}


def far(cls: type) -> type:
    """The class for `cls`, or for a user's subclass of it, on a server."""
    found = _found.get(cls)
    if found is None:
        found = _found[cls] = _find(cls)
    return found


def _find(cls: type) -> type:
    from importlib import import_module

    for base in cls.__mro__:
        if base.__module__.startswith("tocsin._redis"):
            return cls  # it is one already
        if (base.__module__, base.__name__) in KINDS.values():  # a program's own may have the same name
            module, name = _THERE[base.__name__]
            there: type = getattr(import_module(f"tocsin._redis.{module}"), name)
            if base is cls:
                return there
            made: Any = type(cls.__name__, (cls, there), {"__module__": cls.__module__, "_near": cls})
            return made  # type: ignore[no-any-return]
    raise TypeError(f"{cls.__name__} has no place on a server: give a place on this host")
