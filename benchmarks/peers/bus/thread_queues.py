"""janus, culsans and aiologic: queues between a thread and a task. No buses, so they take part in the wait only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks.peers import module

from . import Peer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Wait = tuple[Callable[[], Awaitable[Any]], Callable[[], object]]


def janus() -> Wait:
    made: Any = module("janus")
    queue = made.Queue()
    put = queue.sync_q.put
    return queue.async_q.get, lambda: put(None)


def culsans() -> Wait:
    made: Any = module("culsans")
    queue = made.Queue()
    put = queue.sync_q.put
    return queue.async_q.get, lambda: put(None)


def aiologic() -> Wait:
    made: Any = module("aiologic")
    queue = made.SimpleQueue()
    put = queue.green_put
    return queue.async_get, lambda: put(None)


def only_wait(loop: object, callback: object) -> Callable[[int], object]:
    """They have no callbacks. Says whether they are installed."""
    del loop, callback
    for name in ("janus", "culsans", "aiologic"):
        module(name)
    return lambda _number: None


PEERS = [Peer(name, only_wait, across=False, wait=wait, calls=False)
         for name, wait in (("janus", janus), ("culsans", culsans), ("aiologic", aiologic))]
