"""The manager: the seed's registry, on the bus's way to loops."""

from __future__ import annotations

import asyncio
import contextvars
import threading
import warnings
from collections import defaultdict
from functools import partial
from typing import TYPE_CHECKING, Any

from tocsin import _bus_callback as callbacks
from tocsin import _core
from tocsin._bus_dispatcher import dispatcher
from tocsin._bus_event import arguments, keywords
from tocsin._bus_meeting import Meeting
from tocsin._bus_place import place_of
from tocsin.compat.aioevt.event import Evt, EvtData

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import TypeVar

    from tocsin._bus_dispatcher import Timer
    from tocsin._bus_place import Place

    F = TypeVar("F", bound=Callable[..., Any])

__all__ = ["Manager"]


class Manager:
    """Events by name; emitted on any thread, callbacks on the loop that each was registered for.

    A loop that is open and not running keeps what is emitted until it runs, so nothing has to be tried again:
    `async_retry_delay` and `async_retry_count` are kept for programs that set them. `retries=0` of an emit still means
    that a loop must be running.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop | None = None,
        async_retry_delay: float = 0.1,
        async_retry_count: int = 5,
    ) -> None:
        self._loop = loop
        self._events: defaultdict[str, list[Evt]] = defaultdict(list)
        self.async_retry_delay = async_retry_delay
        self.async_retry_count = async_retry_count
        self._events_lock = threading.RLock()  # held for the books only, never while anything is scheduled

    @property
    def loop(self) -> asyncio.AbstractEventLoop | None:
        """The one that was given, else the one that runs here, else this thread's, else None."""
        if self._loop is not None:
            return self._loop
        try:
            return asyncio.get_running_loop()
        except RuntimeError:
            pass
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # newer Pythons warn before they make one
            try:
                return asyncio.get_event_loop()
            except RuntimeError:
                return None

    @loop.setter
    def loop(self, new_loop: asyncio.AbstractEventLoop | None) -> None:
        self._loop = new_loop

    # -- who hears

    def on(
        self,
        name: str,
        loop: asyncio.AbstractEventLoop | None = None,
        recurring: bool = True,  # noqa: FBT001, FBT002 - the seed's signature
    ) -> Callable[[F], F]:
        """`register` as a decorator."""

        def wrapper(func: F) -> F:
            self.register(name, func, loop, recurring)
            return func

        return wrapper

    def register(
        self,
        name: str,
        func: Callable[..., Any],
        loop: asyncio.AbstractEventLoop | None = None,
        recurring: bool = True,  # noqa: FBT001, FBT002 - the seed's signature
    ) -> None:
        """Have `func` called for every emit of `name` (`recurring=False`: for the next one)."""
        callbacks.check(func)
        if loop is not None:
            place_of(loop)  # no loop, or a closed one: say so now
        with self._events_lock:
            self._events[name].append(Evt(func=func, loop=loop, recurring=recurring))

    def unregister(self, name: str | None = None, func: Callable[..., Any] | None = None) -> list[Evt] | None:
        """Remove a name with all its callbacks (which are returned), or a callback from every name."""
        with self._events_lock:
            if name is not None:
                return self._events.pop(name, None)
            if func is not None:
                for each in list(self._events):
                    self._keep(each, [evt for evt in self._events[each] if evt.func != func])
        return None

    def _keep(self, name: str, left: list[Evt]) -> None:
        if left:
            self._events[name] = left
        else:
            self._events.pop(name, None)

    # -- emits

    def emit(  # noqa: PLR0913, PLR0917 - the seed's signature
        self,
        name: str,
        args: Sequence[Any] | None = (),
        kwargs: Mapping[str, Any] | None = None,
        retries: int | None = None,
        data: EvtData | None = None,
        target_loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        """Have every callback of `name` called, each on its loop; coroutines side by side. `data` counts before args.

        `target_loop` is for callbacks that were registered without a loop. RuntimeError: there is none for one of
        them, or it is closed (or, with retries=0, not running); then nobody is called.
        """
        if data is not None:
            args, kwargs = data.args, data.kwargs
        positional, named = arguments(args or ()), keywords(kwargs or {})
        with self._events_lock:
            found = self._events.get(name)
            if not found:
                return
            control = target_loop if target_loop is not None or all(evt.loop for evt in found) else self.loop
            ways = [(self._way(evt, control, retries), evt) for evt in found]
            self._keep(name, [evt for evt in found if evt.recurring])
        for place, evt in ways:
            place.post(_Call(place, evt, positional, named, contextvars.copy_context()))

    def _way(self, evt: Evt, control: asyncio.AbstractEventLoop | None, retries: int | None) -> Place:
        loop = evt.loop or control
        if loop is None:
            raise RuntimeError("There is no accessible event loop")
        if retries == 0 and not loop.is_running():
            raise RuntimeError("The target event loop is not running")
        return place_of(loop)

    def emit_after(  # noqa: PLR0913, PLR0917 - the seed's signature
        self,
        delay: float,
        name: str,
        args: Sequence[Any] | None = (),
        kwargs: Mapping[str, Any] | None = None,
        loop: asyncio.AbstractEventLoop | None = None,
        retries: int | None = None,
    ) -> Timer:
        """`emit` in `delay` seconds; whoever is registered then hears it. No loop has to run. `cancel()` stops it."""
        control = loop or self.loop
        late = partial(self._emit_late, name, arguments(args or ()), keywords(kwargs or {}), retries, control)
        return dispatcher.at(_core.now() + int(delay * 1e9), late)

    def _emit_late(
        self,
        name: str,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        retries: int | None,
        control: asyncio.AbstractEventLoop | None,
    ) -> None:
        try:
            self.emit(name, args, kwargs, retries, target_loop=control)
        except Exception as error:  # noqa: BLE001 - it is reported
            dispatcher.tell(f"the event {name!r} could not be emitted after its delay", error, None)

    @property
    def proxy(self) -> _Proxy:
        """``mgr.proxy.MyEvent(1, x=2)`` emits."""
        return _Proxy(self)

    # -- waits

    async def wait(self, name: str, timeout: float | None = None) -> EvtData:
        """Until the next emit of `name`; its arguments. asyncio.TimeoutError."""
        meeting = Meeting()

        def callback(*args: Any, **kwargs: Any) -> None:
            meeting.give(EvtData(args=args, kwargs=kwargs))

        evt = Evt(func=callback, loop=asyncio.get_running_loop(), recurring=False)
        with self._events_lock:
            self._events[name].append(evt)
        try:
            until = -1 if timeout is None else _core.now() + int(max(0.0, timeout) * 1e9)
            if not await meeting.wait_async(until):
                raise asyncio.TimeoutError  # noqa: UP041 - the seed's word for it
        finally:
            with self._events_lock:
                self._keep(name, [other for other in self._events.get(name, ()) if other is not evt])
        found: EvtData = meeting.thing
        return found


class _Proxy:
    __slots__ = ("_manager",)

    def __init__(self, manager: Manager) -> None:
        self._manager = manager

    def __getattr__(self, name: str) -> Callable[..., None]:
        manager = self._manager
        return lambda *args, **kwargs: manager.emit(name, args=args, kwargs=kwargs)


class _Call:
    """One callback of one emit, on its way to a loop."""

    __slots__ = ("args", "context", "evt", "kwargs", "place")

    def __init__(
        self, place: Place, evt: Evt, args: tuple[Any, ...], kwargs: dict[str, Any], context: contextvars.Context
    ) -> None:
        self.place = place
        self.evt = evt
        self.args = args
        self.kwargs = kwargs
        self.context = context

    def step(self) -> None:
        try:
            if callbacks.is_async(self.evt.func):
                self.place.spawn(self.run, self.context)
            else:
                self.context.run(self.evt.func, *self.args, **self.kwargs)
        except Exception as error:  # noqa: BLE001 - it is reported
            self.fail(error)

    async def run(self) -> None:
        try:
            await self.evt.func(*self.args, **self.kwargs)
        except Exception as error:  # noqa: BLE001 - it is reported
            self.fail(error)

    def fail(self, error: Exception) -> None:
        self.place.tell(f"{type(error).__name__} from {callbacks.title(self.evt.func)}", error, self.evt)

    def bury(self, why: str) -> None:
        self.fail(RuntimeError(f"{callbacks.title(self.evt.func)} was not called: {why}"))
