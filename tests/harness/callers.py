"""Callers: the same call made by a thread, by a task of asyncio, uvloop or trio, and by another process.

A contract test takes a `caller` and runs once for each kind. `caller.do` makes a call and returns its result;
`caller.start` leaves it pending, and `pending.until_asleep()` proves that it really waits.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import threading
import weakref
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

import trio
import uvloop

from harness import peer
from harness.asleep import asleep
from harness.until import PATIENCE_S, until
from tocsin._hub import awaiting

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from tocsin import Event

KINDS = ("thread", "asyncio", "uvloop", "trio", "process")
LOOPS = ("asyncio", "uvloop", "trio")


def run_asyncio(main: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    with asyncio.Runner() as runner:
        return runner.run(main())


def run_uvloop(main: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(main())


RUN = {"asyncio": run_asyncio, "uvloop": run_uvloop, "trio": trio.run}


#: The calls of this process on objects at servers, by object. Neither lives longer for it.
_calls: weakref.WeakKeyDictionary[Any, weakref.WeakSet[InThread]] = weakref.WeakKeyDictionary()


def all_wait(event: Any) -> bool:
    """Have all calls on an object at a server noted where they begin to wait? A thread that asks the server something
    sleeps as well, so its sleep proves nothing. `stats()` would tell, too, but it looks, which consumes edges."""
    taking = event._blocked() if hasattr(event, "_blocked") else 0  # by connections of their own
    return event._ear.threads + awaiting(event) + taking >= sum(not call.done() for call in list(_calls.get(event, ())))


class InThread:
    """A call that runs in a thread of this process. `event`: on which."""

    def __init__(self, function: Callable[[], Any], event: Any = None) -> None:
        self._future: Future[Any] = Future()
        self._function = function
        event = getattr(function, "__self__", None) if event is None else event
        self._event = event if getattr(event, "is_far", False) else None
        self._many = [one for one in getattr(event, "objs", ()) if getattr(one, "is_far", False)]
        if self._event is not None:
            _calls.setdefault(event, weakref.WeakSet()).add(self)
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        try:
            self._future.set_result(self._function())
        except BaseException as error:
            self._future.set_exception(error)

    def until_asleep(self) -> None:
        event = self._event
        if event is not None:
            until(lambda: self.done() or all_wait(event), "the call waits")
        else:  # of many, a server is asked first how far they are
            until(lambda: self.done() or all(map(awaiting, self._many)), "the call waits for all of them")
            until(lambda: self.done() or asleep("self", self.thread.native_id), "the call sleeps")
        assert not self.done(), f"the call is over: {self._future}"

    def done(self) -> bool:
        return self._future.done()

    def result(self) -> Any:
        found = self._future.result(PATIENCE_S)
        self.thread.join(PATIENCE_S)
        return found

    def finish(self) -> None:
        self.thread.join(PATIENCE_S)
        assert not self.thread.is_alive(), "a call was left hanging"


class InProcess:
    """A call in a process of its own, which got the event by pickling."""

    def __init__(self, event: Event, what: str, args: tuple[Any, ...], kw: dict[str, Any]) -> None:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["harness.peer", "tocsin", "tocsin._event", "tocsin._queue", "msgspec"])
        self._answer, theirs = context.Pipe(duplex=False)
        self.process = context.Process(target=peer.call, args=(event, what, args, kw, theirs), daemon=True)
        self.process.start()
        theirs.close()
        self.pid = self.process.pid

    def until_asleep(self) -> None:
        until(lambda: self.done() or asleep(self.pid), "the process sleeps")
        assert not self.done(), f"the call is over: {self._answer.recv()}"

    def done(self) -> bool:
        return self._answer.poll(0)

    def result(self) -> Any:
        assert self._answer.poll(PATIENCE_S), "the call hangs"
        sound, found = self._answer.recv()
        self.finish()
        if sound:
            return found
        raise found

    def finish(self) -> None:
        self.process.kill()
        self.process.join(PATIENCE_S)
        self._answer.close()


Pending = InThread | InProcess


class Caller:
    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._started: list[tuple[Event, Pending]] = []

    def start(self, event: Event, what: str, *args: Any, **kw: Any) -> Pending:
        pending: Pending
        if self.kind == "process":
            pending = InProcess(event, what, args, kw)
        elif self.kind == "thread":
            pending = InThread(lambda: _plain(event, what, args, kw), event)
        else:
            run, twin = RUN[self.kind], f"{what}_async" if hasattr(event, f"{what}_async") else None

            async def main() -> Any:
                if twin is None:
                    return _plain(event, what, args, kw)
                return await getattr(event, twin)(*args, **kw)

            pending = InThread(lambda: run(main), event)
        self._started.append((event, pending))
        return pending

    def asleep(self, event: Event, what: str, *args: Any, **kw: Any) -> Pending:
        """Start the call, and return when it provably sleeps."""
        pending = self.start(event, what, *args, **kw)
        pending.until_asleep()
        return pending

    def do(self, event: Event, what: str, *args: Any, **kw: Any) -> Any:
        return self.start(event, what, *args, **kw).result()

    def finish(self) -> None:
        for event, pending in self._started:
            if isinstance(pending, InThread) and not pending.done():
                event.close()
            pending.finish()


def _plain(event: Event, what: str, args: tuple[Any, ...], kw: dict[str, Any]) -> Any:
    found = getattr(event, what)
    return found(*args, **kw) if callable(found) else found
