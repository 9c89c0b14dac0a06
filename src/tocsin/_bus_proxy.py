"""``bus.proxy.job.done(7)``: emitting by attributes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tocsin._bus import Bus


class Proxy:
    """A name in the making."""

    __slots__ = ("_bus", "_name")

    def __init__(self, bus: Bus, name: str) -> None:
        self._bus = bus
        self._name = name

    def __getattr__(self, part: str) -> Proxy:
        if part.startswith("__"):  # what Python asks of every object
            raise AttributeError(part)
        return Proxy(self._bus, f"{self._name}.{part}" if self._name else part)

    def __call__(self, *args: Any, **kwargs: Any) -> int:
        if not self._name:
            raise TypeError("bus.proxy.NAME(...) emits: say the name")
        return self._bus.emit(self._name, args, kwargs or None)

    def __repr__(self) -> str:
        return f"<tocsin.Bus.proxy {self._name!r}>"
