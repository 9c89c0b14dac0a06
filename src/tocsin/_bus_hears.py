"""The half of a bus that hears: handlers, waits and subscriptions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tocsin import _core
from tocsin._bus_backlog import LIMIT
from tocsin._bus_base import Base
from tocsin._bus_dispatcher import dispatcher
from tocsin._bus_handler import BusHandler
from tocsin._bus_known import check_pattern
from tocsin._bus_subscription import Subscription
from tocsin._bus_wait import Wait
from tocsin._wait import loop_is_running

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import TypeVar

    from tocsin._bus_event import BusEvent
    from tocsin._bus_meeting import Loop

    F = TypeVar("F", bound=Callable[..., Any])


class Hears(Base):
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
            self._wait_for_a_loop(handler)
        self._adopt()
        self._join(handler)
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
        if loop is not None:
            self._place_for(loop)  # a handler in its place would never be heard of again

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
        return Wait(self, name, until).wait(until)

    def wait_async(self, name: str, timeout: float | None = None) -> Coroutine[Any, Any, BusEvent]:
        """`wait`, for asyncio, uvloop and trio. It counts from this call, not from where it is awaited:

        ``reply = bus.wait_async("pong"); bus.emit("ping"); await reply`` can't miss the pong.

        On a server, and in a running loop, the call sends a question and does not wait for the answer: what counts is
        what the server gets behind it. That is what this bus emits from then on, and whatever others emit after that.
        """
        until = _core.data_deadline(timeout)
        self._check_open()
        check_pattern(name)
        self._adopt()
        return Wait(self, name, until, is_task=loop_is_running()).wait_async(until)

    def subscribe(self, pattern: str, *, policy: str = "drop_oldest", limit: int = LIMIT) -> Subscription:
        """The events of a name or a pattern, from now on, for ``for`` and ``async for``."""
        self._check_open()
        check_pattern(pattern)
        self._adopt()
        return Subscription(self, pattern, policy, limit)
