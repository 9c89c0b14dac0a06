"""What every part of a bus knows of it: who is registered, where callbacks run, and where errors go."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from tocsin._bus_dispatcher import dispatcher
from tocsin._bus_meeting import here
from tocsin._bus_place import Nowhere, Place, place_of, report
from tocsin._bus_registry import Registry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tocsin._bus_event import BusEvent
    from tocsin._bus_handler import BusHandler
    from tocsin._bus_lookout import Lookout
    from tocsin._bus_meeting import Loop
    from tocsin._bus_registry import Listener
    from tocsin._bus_wait import Seat
    from tocsin._redis.topic_mark import Mark

    OnError = Callable[[BaseException, BusEvent | None, BusHandler | None], object]


class Base:
    name: str | None = None
    at: str | None = None
    path: str | None = None

    def __init__(self, loop: Loop | None, on_error: OnError | None) -> None:
        self._registry = Registry()
        self._place: Place | None = None if loop is None else place_of(loop)
        self._homeless: list[BusHandler] = []  # coroutine functions that no loop has come for
        self._over: ValueError | None = None
        self._waiting: list[None] = []
        self.on_error = on_error

    @property
    def loop(self) -> Loop | None:
        """Where callbacks run that name no loop; None: see the class."""
        return getattr(self._place, "loop", None)

    @property
    def on_error(self) -> OnError | None:
        """Who is told of errors; None: see the class. TypeError for what can't be called."""
        return self._on_error

    @on_error.setter
    def on_error(self, func: OnError | None) -> None:
        if func is not None and not callable(func):
            raise TypeError(f"on_error={func!r} can't be called: give a function, or None")
        self._on_error = func

    def _place_for(self, loop: Loop | None) -> Place:
        return place_of(loop) if loop is not None else self._place or dispatcher

    def _wait_for_a_loop(self, handler: BusHandler) -> None:
        handler._place = Nowhere()
        with self._registry.lock:
            self._homeless.append(handler)

    def _adopt(self) -> None:
        """Give the coroutine functions that wait for a loop the one that runs here, if one does."""
        if self._homeless and (loop := here()) is not None:
            place = place_of(loop)
            with self._registry.lock:
                homeless, self._homeless = self._homeless, []
            for handler in homeless:
                nowhere, handler._place = handler._place, place
                assert isinstance(nowhere, Nowhere)
                nowhere.heir = place
                nowhere.hand_over()

    def _join(self, listener: Listener, until: int = -1) -> None:  # noqa: ARG002 - for servers: see there
        """From now on it hears what is emitted. `until` (ns): when whoever joins has to know."""
        self._registry.add(listener)

    def _join_soon(self, listener: Listener, until: int) -> Mark | None:  # noqa: ARG002 - a server's
        """The same for a task. What may take longer than a moment is left to do, by `until`: see `Mark`."""
        self._join(listener)
        return None

    def _lookout(self, seat: Seat) -> Lookout | None:  # noqa: ARG002 - a server's
        """By which a thread that waits on this seat sees an emit come; None: it is told soon enough."""
        return None

    def _left(self, listener: Listener) -> None:
        """It hears nothing any more, and is not in the registry."""

    @contextlib.contextmanager
    def _counted(self) -> Iterator[None]:
        """Around whatever blocks or awaits, so that `stats` can tell."""
        self._waiting.append(None)
        try:
            yield
        finally:
            self._waiting.pop()

    def _renew(self) -> None:
        """After fork, in the child."""

    def _trouble(self) -> Exception | None:
        """Why nothing can come at this moment: what a wait says whose time is over."""
        return None

    async def _trouble_async(self) -> Exception | None:
        return None

    def _check_open(self) -> None:
        if self._over is not None:
            raise ValueError(f"{self._what()} was closed: make a new one")

    def _what(self) -> str:
        return "the bus" if self.name is None else f"the bus {self.name!r} at {self.at!r}"

    def _report(self, error: BaseException, event: BusEvent | None, handler: BusHandler | None) -> None:
        """To `on_error`, else to where the loop's own errors go; what on_error itself raises comes there, too."""
        on_error = self.on_error
        if on_error is not None:
            try:
                on_error(error, event, handler)
            except Exception as another:  # noqa: BLE001 - it is reported
                error = another
            else:
                return
        what = "an emit" if handler is None else repr(handler)
        name = "" if event is None else f" of the event {event.name!r}"
        message = f"{type(error).__name__} from {what}{name}"
        if handler is None:
            report(message, error, None)
        else:
            handler._place.tell(message, error, handler)
