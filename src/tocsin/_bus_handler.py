"""A handler: a callback that was registered for a name or a pattern, what it has still to hear, and where it runs."""

from __future__ import annotations

import contextvars
import inspect
from typing import TYPE_CHECKING, Any, Protocol

from tocsin import _bus_callback as callbacks
from tocsin._bus_backlog import Backlog
from tocsin._bus_event import seen
from tocsin._errors import Lagged

if TYPE_CHECKING:
    from collections.abc import Callable

    from tocsin._bus_base import Base
    from tocsin._bus_event import Raw
    from tocsin._bus_meeting import Loop
    from tocsin._bus_place import Place


class Run(Protocol):
    """So many emits that are to be served in one go; it counts down."""

    left: int


class One:
    """A run of one."""

    __slots__ = ("left",)

    left: int


class BusHandler:
    """What `register` returns and `unregister` lists. To be looked at; the bus does the rest.

    `pattern` `func` `recurring` `policy` `limit` `concurrency` are as registered; `loop` is where it runs, None for
    the dispatcher's thread (and while a coroutine function waits for the first loop).
    """

    def __init__(  # noqa: PLR0913 - as many as `register` has
        self,
        bus: Base,
        pattern: str,
        func: Callable[..., Any],
        place: Place,
        *,
        recurring: bool,
        policy: str,
        limit: int,
        concurrency: int | None,
        weak: bool,
    ) -> None:
        callbacks.check(func)
        if concurrency is not None and (
            isinstance(concurrency, bool) or not isinstance(concurrency, int) or concurrency < 1
        ):
            raise ValueError(f"bad concurrency {concurrency!r}: give 1 or more, or None for a task per emit")
        self._bus = bus
        self.pattern = pattern
        self.recurring = recurring
        self.concurrency = concurrency
        self._backlog = Backlog(policy, limit)
        self._strict = policy != "drop_oldest" and recurring
        self._place = place
        self._func: Callable[..., Any] | None = None if weak else func
        self._ref = callbacks.weak(func, self._gone) if weak else None
        self._title = callbacks.title(func)
        self._claim = [None]  # of one that is not recurring: whoever pops it delivers
        self._context = contextvars.copy_context()
        self._one = One()
        self._running = 0  # tasks that serve the backlog; changed on the place's own thread only
        self._is_async = callbacks.is_async(func)
        self._convert: Any = None
        if bus.name is not None:  # what comes is JSON
            from tocsin._bus_typed import converter

            self._convert = converter(func)

    # -- what it tells

    @property
    def func(self) -> Callable[..., Any] | None:
        """The callback; None when it was registered with weak=True and is gone."""
        return self._func if self._ref is None else self._ref()

    @property
    def loop(self) -> Loop | None:
        return getattr(self._place, "loop", None)

    @property
    def policy(self) -> str:
        return self._backlog.policy

    @property
    def limit(self) -> int:
        return self._backlog.limit

    @property
    def queued(self) -> int:
        """How many emits wait for it."""
        return len(self._backlog.pending)

    @property
    def dropped(self) -> int:
        """How many emits it has missed, ever."""
        return self._backlog.dropped

    def __repr__(self) -> str:
        return f"<tocsin.BusHandler {self._title} of {self.pattern!r} on {self._bus._what()}>"

    # -- an emit

    def offer(self, raw: Raw) -> bool:
        """From any thread. False: it does not hear it."""
        if not self.recurring and not self._claimed():
            return False
        if self._ref is not None and self._ref() is None:
            return False
        if not self._backlog.push(raw):
            return True
        place = self._place
        place.ready.append(self)
        return place.call() if place.called.up() else True

    def offer_many(self, raws: list[Raw]) -> None:
        """The same for one emit after the other."""
        self.rouse(self.keep(raws))

    def keep(self, raws: list[Raw]) -> int:
        """The first half of it, which calls nobody: how many more emits it has to hear than before."""
        if self._ref is not None and self._ref() is None:
            return 0
        if not self.recurring:
            raws = raws[:1] if self._claimed() else []
        return self._backlog.push_many(raws)

    def rouse(self, count: int) -> None:
        """The second half: have so many of them served."""
        if count:
            self._place.post_many(self, count)

    def _claimed(self) -> bool:
        try:
            self._claim.pop()
        except IndexError:
            return False
        self._bus._registry.remove(self)
        return True

    def _gone(self, _ref: object) -> None:
        self._bus._registry.remove(self)

    # -- the place's thread

    def step(self) -> None:
        if self._is_async:
            self._step_async()
        else:
            one = self._one
            one.left = 1
            self.serve(one)

    def serve(self, run: Run) -> None:
        """Call a plain function for `run.left` emits. What goes wrong is told outside of its context."""
        while run.left > 0:
            if self._backlog.lags:
                self._report_lag()
            odd = self._context.run(self._calls, run)
            if odd is not None:
                found, raw = odd
                if isinstance(found, Exception):
                    self._fail(found, raw)
                else:
                    self._take_care(found, raw)

    def _calls(self, run: Run) -> tuple[Any, Raw] | None:
        """Call until `run` is over, or something else has to be done: an error or a coroutine, with its emit."""
        backlog = self._backlog
        take, convert, strong = backlog.take, self._convert, self._func
        while run.left > 0:
            if backlog.lags:
                return None
            run.left -= 1
            raw = take()
            if raw is None:  # somebody else has served it
                run.left = 0
                return None
            func = strong
            if func is None and (func := self.func) is None:
                continue
            _, args, kwargs = raw
            try:
                if convert is not None:
                    args, kwargs = convert(args, kwargs)
                found = func(*args, **kwargs) if kwargs else func(*args)
            except Exception as error:  # noqa: BLE001 - it is reported
                return error, raw
            if found is not None and inspect.iscoroutine(found):
                return found, raw
        return None

    def _take_care(self, coroutine: Any, raw: Raw) -> None:
        """A plain function gave a coroutine (a lambda, say): run it, too."""

        async def main() -> None:
            await self._guarded(coroutine, raw)

        try:
            self._place.spawn(main, self._context.copy())
        except NotImplementedError:
            coroutine.close()
            why = f"{self._title} returned a coroutine, and runs on no loop: register it with loop="
            self._fail(TypeError(why), raw)

    def _step_async(self) -> None:
        backlog = self._backlog
        if self.concurrency is None:
            raw = backlog.take()
            if raw is not None:
                self._running += 1
                self._place.spawn(lambda: self._serve_one(raw), self._context.copy())
        elif self._running < self.concurrency and backlog.pending:
            self._running += 1
            self._place.spawn(self._serve, self._context.copy())

    async def _serve_one(self, raw: Raw) -> None:
        if self._backlog.lags:
            self._report_lag()
        try:
            await self._call(raw)
        finally:
            self._running -= 1

    async def _serve(self) -> None:
        """One of the `concurrency` tasks: what is pending, one after the other, and then it ends."""
        backlog = self._backlog
        ended = False
        try:
            while (raw := backlog.take()) is not None:
                if backlog.lags:
                    self._report_lag()
                await self._call(raw)
        except BaseException as error:
            ended = self._place.is_ended(error)
            raise
        finally:
            self._running -= 1
            if ended and not self._running:
                self.bury("its task was cancelled, as loops do when they end")

    async def _call(self, raw: Raw) -> None:
        func = self.func
        if func is not None:
            _, args, kwargs = raw
            try:
                if self._convert is not None:
                    args, kwargs = self._convert(args, kwargs)
                coroutine = func(*args, **(kwargs or {}))
            except Exception as error:  # noqa: BLE001 - it is reported
                self._fail(error, raw)
            else:
                await self._guarded(coroutine, raw)

    async def _guarded(self, coroutine: Any, raw: Raw) -> None:
        try:
            await coroutine
        except Exception as error:  # noqa: BLE001 - it is reported
            self._fail(error, raw)
        except BaseException as error:
            if self._place.is_ended(error):
                raise
            self._fail(error, raw)

    # -- what is never passed over in silence

    def _fail(self, error: BaseException, raw: Raw) -> None:
        self._bus._report(error, seen(raw), self)

    def _report_lag(self) -> None:
        missed = self._backlog.lagged()
        if missed:
            what = f"{self!r} was {self.limit} emits behind, and {missed} older ones were dropped"
            self._bus._report(Lagged(f"{what}: give it a limit, or policy='wait'", missed), None, self)

    def bury(self, why: str) -> None:
        """What is pending will not be heard: say so, for each."""
        self._report_lag()
        for raw in self._backlog.take_all():
            self._fail(RuntimeError(f"{raw[0]!r} did not reach {self!r}: {why}"), raw)
