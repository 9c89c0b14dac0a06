"""Bus: events with arguments, for callbacks on any loop of any thread."""

from __future__ import annotations

import contextlib
import math
from functools import partial
from typing import TYPE_CHECKING, Any, Self

from tocsin import _core
from tocsin._bus_backlog import LIMIT
from tocsin._bus_dispatcher import Timer, dispatcher
from tocsin._bus_event import BusEvent, arguments, keywords, seen
from tocsin._bus_handler import BusHandler
from tocsin._bus_life import close, living
from tocsin._bus_meeting import here
from tocsin._bus_names import check_name, check_pattern
from tocsin._bus_place import Nowhere, Place, place_of, report
from tocsin._bus_proxy import Proxy
from tocsin._bus_registry import Registry
from tocsin._bus_room import make_room, make_room_async
from tocsin._bus_subscription import Inbox, Subscription
from tocsin._bus_wait import Seat, Wait
from tocsin._wait import loop_is_running

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Coroutine, Iterator, Mapping
    from types import TracebackType
    from typing import TypeVar

    from tocsin._bus_event import Raw
    from tocsin._bus_meeting import Loop
    from tocsin._bus_registry import Route
    from tocsin._stats import BusStats

    F = TypeVar("F", bound=Callable[..., Any])
    OnError = Callable[[BaseException, BusEvent | None, BusHandler | None], object]


class Bus:
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
        replay: start with the last so many emits, as far as they are retained.

    Raises:
        TypeError: `loop` is no loop. RuntimeError: it is closed.
    """

    name: str | None = None
    at: str | None = None
    path: str | None = None

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
        if name is not None:
            raise TypeError("a subclass of Bus has no name: keep a Bus(name) in it")
        given = {"at": at, "mode": mode, "max_bytes": max_bytes, "replay": replay or None, "create": create and None}
        for argument, value in given.items():
            if value is not None:
                raise ValueError(f"{argument}= is for a bus with a name: give it one, or leave {argument}= out")
        self._registry = Registry()
        self._place: Place | None = None if loop is None else place_of(loop)
        self._homeless: list[BusHandler] = []  # coroutine functions that no loop has come for
        self._over: ValueError | None = None
        self._waiting: list[None] = []
        self.on_error = on_error
        living.add(self)

    @property
    def loop(self) -> Loop | None:
        """Where callbacks run that name no loop; None: see the class."""
        return getattr(self._place, "loop", None)

    # -- who hears

    def register(  # noqa: PLR0913 - the contract has so many
        self,
        name: str,
        func: Callable[..., Any],
        loop: Loop | None = None,
        recurring: bool = True,  # noqa: FBT001, FBT002 - the seed's signature
        *,
        policy: str = "drop_oldest",
        limit: int = LIMIT,
        concurrency: int | None = 1,
        weak: bool = False,
    ) -> BusHandler:
        """Have `func` called with the arguments of every emit of `name`, or of what the pattern `name` matches.

        Args:
            name: ``job.done``, or a pattern: ``job.*`` one part, ``job.**`` any number of parts.
            func: a function, coroutine function, method, partial, or an object that can be called.
            loop: where it runs. None: see the class.
            recurring: False: for the next emit only, exactly one, however many threads emit.
            policy, limit: what an emit does when `limit` emits wait for this handler: "drop_oldest", "wait", "error".
            concurrency: calls of a coroutine function side by side; 1 keeps the emits' order, None is a task per emit.
            weak: hold `func` (a method: its object) weakly; the handler goes with it.

        Raises:
            TypeError: not callable, no loop. ValueError: a bad name, policy, limit or concurrency, or the bus is
            closed. RuntimeError: the loop is closed.
        """
        self._check_open()
        check_pattern(name)
        handler = BusHandler(
            self,
            name,
            func,
            self._place_for(loop),
            recurring=bool(recurring),
            policy=policy,
            limit=limit,
            concurrency=concurrency,
            weak=weak,
        )
        if handler._is_async and handler._place is dispatcher:
            handler._place = Nowhere()
            with self._registry.lock:
                self._homeless.append(handler)
        self._adopt()
        self._listen()
        self._registry.add(handler)
        self._heed()
        if self._over is not None:  # closed in between
            self._registry.remove(handler)
            raise self._over
        return handler

    def on(
        self,
        name: str,
        loop: Loop | None = None,
        recurring: bool = True,  # noqa: FBT001, FBT002 - the seed's signature
        **options: Any,
    ) -> Callable[[F], F]:
        """`register` as a decorator, with its options. At module level, too, before there is any loop."""
        self._check_open()
        check_pattern(name)

        def decorate(func: F) -> F:
            self.register(name, func, loop, recurring, **options)
            return func

        return decorate

    def once(self, name: str, func: Callable[..., Any], loop: Loop | None = None, **options: Any) -> BusHandler:
        """`register` for one emit: exactly one, however many threads emit at once."""
        return self.register(name, func, loop, recurring=False, **options)

    def unregister(self, name: str | None = None, func: Callable[..., Any] | None = None) -> list[BusHandler]:
        """Remove the handlers of a name or pattern, as it was registered, of a callback, or of both; which they were.

        Emits that come after this do not reach them. What was emitted before is still delivered.
        """
        if name is None and func is None:
            raise TypeError("give name=, func= or both: whose handlers are to go?")
        if name is not None:
            check_pattern(name)

        def wanted(found: object) -> bool:
            return (
                isinstance(found, BusHandler)
                and (name is None or found.pattern == name)
                and (func is None or found.func == func)
            )

        return self._registry.take(wanted)

    def _place_for(self, loop: Loop | None) -> Place:
        return place_of(loop) if loop is not None else self._place or dispatcher

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

    def _listen(self) -> None:
        """Somebody is about to be registered: of a bus with a name, what comes from now on is kept for this process."""

    def _heed(self) -> None:
        """Somebody was registered: what was kept can be handed to him."""

    # -- emits

    def emit(
        self,
        name: str,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
        *,
        wait: float | None = 0.0,  # noqa: ARG002 - without a name there is nothing to overwrite
    ) -> int:
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

    async def emit_async(
        self,
        name: str,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
        *,
        wait: float | None = 0.0,  # noqa: ARG002 - as above
    ) -> int:
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

    def emit_after(
        self, delay: float, name: str, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Timer:
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
                self._report(error, seen(raw), None)

    @property
    def proxy(self) -> Proxy:
        """``bus.proxy.job_done(7, x=2)`` emits "job_done"; ``bus.proxy.job.done()`` emits "job.done"."""
        return Proxy(self, "")

    # -- waits

    def wait(self, name: str, timeout: float | None = None) -> BusEvent:
        """Block until the next emit of `name`, or of what the pattern matches; it. `timeout` in seconds.

        Raises:
            TimeoutError: none came. ValueError: a bad name or timeout, or the bus was closed.
            RuntimeError: a loop runs on this thread, which could never go on: use `wait_async`.
        """
        until = _core.data_deadline(timeout)
        self._check_open()
        if loop_is_running():
            raise RuntimeError("this would stop the loop that runs on this thread: use `await bus.wait_async(...)`")
        check_pattern(name)
        self._listen()
        seat = Wait(self, name)
        self._heed()
        return seat.wait(until)

    def wait_async(self, name: str, timeout: float | None = None) -> Coroutine[Any, Any, BusEvent]:
        """`wait`, for asyncio, uvloop and trio. It counts from this call, not from where it is awaited:

        ``reply = bus.wait_async("pong"); bus.emit("ping"); await reply`` can't miss the pong.
        """
        until = _core.data_deadline(timeout)
        self._check_open()
        check_pattern(name)
        self._adopt()
        self._listen()
        seat = Wait(self, name)
        self._heed()
        return seat.wait_async(until)

    def subscribe(self, pattern: str, *, policy: str = "drop_oldest", limit: int = LIMIT) -> Subscription:
        """The events of a name or a pattern, from now on, for ``for`` and ``async for``."""
        self._check_open()
        check_pattern(pattern)
        self._adopt()
        self._listen()
        made = Subscription(self, pattern, policy, limit)
        self._heed()
        return made

    @contextlib.contextmanager
    def _counted(self) -> Iterator[None]:
        """Around whatever blocks or awaits, so that `stats` can tell."""
        self._waiting.append(None)
        try:
            yield
        finally:
            self._waiting.pop()

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

    def _renew(self) -> None:
        """After fork, in the child."""

    def _check_open(self) -> None:
        if self._over is not None:
            raise ValueError(f"{self._what()} was closed: make a new one")

    def __reduce__(self) -> tuple[Any, ...]:
        raise TypeError(f"{self._what()} is for this process: it can't be pickled")

    # -- what it tells

    def stats(self) -> BusStats:
        """What this bus is at this instant: for debugging, and for tests that must know that somebody waits."""
        from tocsin._stats import BusStats

        found = self._registry.all()
        backlogs = [listener._backlog for listener in found if listener._backlog is not None]
        return BusStats(
            name=self.name,
            at=self.at,
            path=None,
            kind="bus",
            handlers=sum(isinstance(listener, BusHandler) for listener in found),
            waits=sum(isinstance(listener, Seat) for listener in found),
            subscriptions=sum(isinstance(listener, Inbox) for listener in found),
            queued=sum(len(backlog.pending) for backlog in backlogs),
            dropped=sum(backlog.dropped for backlog in backlogs),
            waiting_here=len(self._waiting),
            closed=self._over is not None,
            subscribers=None,
        )

    def _what(self) -> str:
        return "the bus"

    def __repr__(self) -> str:
        found = self.stats()
        state = "closed" if found.closed else f"{found.handlers} handlers, {found.queued} queued"
        return f"<tocsin.Bus: {state}>"

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
