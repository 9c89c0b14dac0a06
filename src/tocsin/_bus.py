"""Bus: events with arguments, for callbacks on any loop of any thread."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, Any, Self

from tocsin import _core
from tocsin._bus_dispatcher import Timer, dispatcher
from tocsin._bus_event import arguments, keywords, seen
from tocsin._bus_handler import BusHandler
from tocsin._bus_hears import Hears
from tocsin._bus_known import check_name
from tocsin._bus_life import close, living
from tocsin._bus_proxy import Proxy
from tocsin._bus_room import make_room, make_room_async
from tocsin._bus_subscription import Inbox
from tocsin._bus_wait import Seat

if TYPE_CHECKING:
    import os
    from types import TracebackType

    from tocsin._bus_base import OnError
    from tocsin._bus_event import Args, Kwargs, Raw
    from tocsin._bus_meeting import Loop
    from tocsin._bus_registry import Route
    from tocsin._stats import BusStats


class Bus(Hears):
    """Events with arguments: emitted on any thread, heard by callbacks on the loops that they were registered for.

    ::

        bus = Bus()

        @bus.on("job.*", loop=loop)
        async def note(number: int) -> None: ...

        bus.emit("job.done", (7,))  # from any thread; note(7) runs on `loop`
        event = await bus.wait_async("job.done", timeout=5)
        event.args

    The races it removes: callbacks that are lost because a loop had not started, was just being closed, or because two
    threads emitted at once; a once-callback that runs twice; a wait that misses an emit which came right after it was
    made; and an emitter that holds a lock while it schedules, and so waits for others. An emit decides who hears it:
    those who are registered at that moment, each in the order of each emitter's emits. On one loop, plain callbacks
    run in the order of emits, whoever they are for. A thread that emits a thousand times wakes a loop once, not a
    thousand times.

    A callback runs on the `loop` it was registered for, else on the bus's; without either a plain function runs on the
    dispatcher (a thread that the process has while there is something for it to do), a coroutine function on the first
    running loop that uses the bus, and its emits are queued until then, as they are for a loop that has not started.
    It runs in a context of its own, copied from where it was registered.

    Each handler has a bounded queue (`limit`); `policy` says what an emit does when that is full: "drop_oldest" drops,
    counts, and reports `Lagged` with the count; "wait" waits for room; "error" raises `Full`, and nobody gets the emit.
    `concurrency`: how many calls of a coroutine function run side by side; 1 keeps the order, None is a task per emit.

    The standard library has no namesake: `signal.signal`, `sys.addaudithook` and asyncio's `call_soon_threadsafe` are
    each a part of it.

    Args:
        name: for every process that opens a bus of that name; arguments are JSON then, made by each handler's
            annotations into what it wants, and `emit` says how many of *this* process it reached. It waits for
            nobody; with ``wait=seconds`` (None: for ever) until every living process has read what it would
            overwrite, else TimeoutError. None: for this process, and its children after fork, each for itself.
        loop: where callbacks run that name no loop: a loop of asyncio's kind, or a `trio.lowlevel.TrioToken`.
        on_error: ``on_error(exception, event, handler)`` for what callbacks raise, for emits that can't be delivered
            and for `Lagged`; called on the thread that noticed. None: the loop's exception handler, else the log.
        at, mode, create: as for `Event`. max_bytes: how much a bus with a name retains, fixed when it is made.
        replay: each handler and subscription begins with the last so many emits before it was registered, of whatever
            name, as far as they are retained. A wait is for what comes.

    Raises:
        TypeError: `loop` is no loop. RuntimeError: it is closed.
    """

    def __new__(cls, name: str | None = None, **_more: Any) -> Self:
        if name is not None and cls is Bus:
            from tocsin._bus_named import NamedBus

            return object.__new__(NamedBus)  # type: ignore[return-value]
        return object.__new__(cls)

    def __init__(  # noqa: PLR0913 - the contract has so many
        self,
        name: str | None = None,
        *,
        loop: Loop | None = None,
        at: str | os.PathLike[str] | None = None,
        on_error: OnError | None = None,
        mode: int | None = None,
        create: bool = True,
        max_bytes: int | None = None,
        replay: int = 0,
    ) -> None:
        super().__init__(loop, on_error)
        self._open(name, {"at": at, "mode": mode, "create": create, "max_bytes": max_bytes}, replay)
        living.add(self)

    def _open(self, name: str | None, options: dict[str, Any], replay: int) -> None:
        """Have what a bus needs of its kind: one without a name has all there is."""
        if name is not None:
            raise TypeError("a subclass of Bus has no name: keep a Bus(name) in it")
        for argument, value in {**options, "create": options["create"] and None, "replay": replay or None}.items():
            if value is not None:
                raise ValueError(f"{argument}= is for a bus with a name: give it one, or leave {argument}= out")

    # -- emits

    # `wait` is for buses with a name: without one there is nothing to overwrite
    def emit(self, name: str, args: Args = (), kwargs: Kwargs = None, *, wait: float | None = 0.0) -> int:  # noqa: ARG002
        """Have everyone called who listens to `name`; how many that are: handlers, waits and subscriptions.

        From any thread, with or without a loop; it returns before they run. It waits for nobody, except for room in a
        handler that was registered with policy="wait".

        Raises:
            ValueError, TypeError: a bad name or bad arguments; the bus is closed. Full: a handler with policy="error"
            is full; nobody got it. RuntimeError: waiting for room would never end, because this very thread is to make
            it: use `emit_async`.
        """
        listeners, strict = self._registry.routes.get(name) or self._route(name)
        if type(args) is not tuple:
            args = arguments(args)
        raw: Raw = (name, args, None if kwargs is None else keywords(kwargs))
        if self._homeless:
            self._adopt()
        if strict:
            make_room(strict, self)
        reached = 0
        for listener in listeners:
            if listener.offer(raw):
                reached += 1
        return reached

    async def emit_async(self, name: str, args: Args = (), kwargs: Kwargs = None, *, wait: float | None = 0.0) -> int:  # noqa: ARG002
        """`emit`, which awaits room where handlers with policy="wait" are full. Cancelled there, nobody gets it."""
        listeners, strict = self._registry.routes.get(name) or self._route(name)
        raw: Raw = (name, arguments(args), None if kwargs is None else keywords(kwargs))
        self._adopt()
        if strict:
            await make_room_async(strict, self)
        return sum([listener.offer(raw) for listener in listeners])

    def _route(self, name: str) -> Route:
        """The way of an emit that has not been this way before, or may not."""
        self._check_open()
        return self._registry.route(check_name(name))

    def emit_after(self, delay: float, name: str, args: Args = (), kwargs: Kwargs = None) -> Timer:
        """`emit` in `delay` seconds; a handle whose `cancel()` stops it. Needs no loop, and no thread that waits.

        Whoever is registered then hears it. What can't be delivered then goes to `on_error`.
        """
        if isinstance(delay, bool) or not isinstance(delay, int | float) or not math.isfinite(delay) or delay < 0:
            raise ValueError(f"bad delay {delay!r}: give seconds, 0 or more")
        self._check_open()
        raw: Raw = (check_name(name), arguments(args), None if kwargs is None else keywords(kwargs))
        self._adopt()
        return dispatcher.at(_core.now() + int(delay * 1e9), partial(self._emit_late, raw))

    def _emit_late(self, raw: Raw) -> None:
        if self._over is None:
            try:
                self.emit(*raw)
            except Exception as error:  # noqa: BLE001 - whatever it was, nobody else will hear of it
                if self._over is None:  # else it was closed meanwhile, and this one was not to come any more
                    self._report(error, seen(raw), None)

    @property
    def proxy(self) -> Proxy:
        """``bus.proxy.job_done(7, x=2)`` emits "job_done"; ``bus.proxy.job.done()`` emits "job.done"."""
        return Proxy(self, "")

    # -- life

    def close(self) -> None:
        """Remove every handler. Waits and subscriptions, and later calls, get ValueError. May be called twice.

        What was emitted before is still delivered; `emit_after`'s that are not due are dropped.
        """
        if self._over is None:
            self._over = ValueError(f"{self._what()} was closed")
        close(self._registry, self._over)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def unlink(self) -> None:
        """Remove the object of a bus with a name, for everybody. A bus without one has none: ValueError."""
        raise ValueError(f"{self._what()} has no name: there is nothing to remove")

    def __reduce__(self) -> tuple[Any, ...]:
        raise TypeError(f"{self._what()} is for this process: it can't be pickled")

    # -- what it tells

    def stats(self) -> BusStats:
        """What this bus is at this instant: for debugging, and for tests that must know that somebody waits."""
        from tocsin._stats import BusStats

        return BusStats(
            name=self.name,
            at=self.at,
            path=self.path,
            kind="bus",
            waiting_here=len(self._waiting),
            closed=self._over is not None,
            subscribers=None if self._over is not None else self._subscribers(),
            **self._counts(),
        )

    def _counts(self) -> dict[str, int]:
        """Who listens in this process, and what they have not heard yet."""
        found = self._registry.all()
        backlogs = [listener._backlog for listener in found if listener._backlog is not None]
        return {
            "handlers": sum(isinstance(listener, BusHandler) for listener in found),
            "waits": sum(isinstance(listener, Seat) for listener in found),
            "subscriptions": sum(isinstance(listener, Inbox) for listener in found),
            "queued": sum(len(backlog.pending) for backlog in backlogs),
            "dropped": sum(backlog.dropped for backlog in backlogs),
        }

    def _subscribers(self) -> int | None:
        """How many handles listen, in all living processes together."""
        return None

    def __repr__(self) -> str:
        counts = self._counts()
        where = "" if self.name is None else f" {self.name!r} at {self.at!r}"
        state = "closed" if self._over is not None else f"{counts['handlers']} handlers, {counts['queued']} queued"
        return f"<tocsin.Bus{where}: {state}>"
