"""Waits for many at a server that is lost meanwhile: at the deadline it is Unreachable, not "nothing came"."""

from __future__ import annotations

import contextlib
from itertools import repeat
from typing import TYPE_CHECKING, Any

import pytest
from harness.callers import InThread
from harness.proxies import Proxy
from harness.subjects import blocked
from harness.until import until
from harness.ways import WAYS, Way

from tocsin import Event, Unreachable, wait_any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from harness.servers import RedisServer

#: Long enough for a busy machine to get into the wait.
SECONDS = 8


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> Way:
    return WAYS[request.param]


class All:
    """Every way at once, each with a handle of its own, until all of them wait at the server."""

    def __init__(self, server: RedisServer, places: Iterable[str], *others: Any) -> None:
        handles = {name: Event("x", at=place) for name, place in zip(WAYS, places, strict=False)}
        self.waits = {name: self._start(WAYS[name], handle, *others) for name, handle in handles.items()}
        self.handles = handles
        until(lambda: blocked(server) >= len(WAYS) or any(wait.done() for wait in self.waits.values()), "all wait")

    def _start(self, way: Way, *objs: Any) -> InThread:
        return InThread(lambda: way(*objs, timeout=SECONDS))

    def are_unreachable(self) -> None:
        for wait in self.waits.values():
            with pytest.raises(Unreachable, match="can't be reached"):
                wait.result()
        for handle in self.handles.values():
            handle.close()


def test_a_network_that_goes_silent_in_a_wait_for_many(proxy: Proxy, tmp_path: Any) -> None:
    with Event("y", at=tmp_path) as here:
        waits = All(proxy.server, repeat(proxy.url(patience=100)), here)
        proxy.stall()
        try:
            waits.are_unreachable()
        finally:
            proxy.flow()


def test_a_server_that_is_killed_in_a_wait_for_many(durable: RedisServer, tmp_path: Any) -> None:
    with Event("y", at=tmp_path) as here:
        waits = All(durable, repeat(durable.url(patience=100)), here)
        durable.kill()
        waits.are_unreachable()


def test_a_server_that_is_killed_and_an_object_here_that_is_ready(durable: RedisServer, tmp_path: Any) -> None:
    with Event("x", at=durable.url(patience=100)) as event, Event("y", at=tmp_path) as here:
        durable_wait = InThread(lambda: wait_any(event, here, timeout=60))
        until(lambda: blocked(durable) or durable_wait.done(), "it waits")
        durable.kill()
        here.set()
        assert durable_wait.result() == [here]


def test_a_connection_that_goes_silent_in_a_wait_for_many(durable: RedisServer) -> None:
    """What it would have brought is found at the deadline."""
    with contextlib.ExitStack() as stack:
        proxies = [stack.enter_context(Proxy(durable)) for _ in WAYS]
        place = durable.url(patience=100)
        for proxy in proxies:
            proxy.mute(b"XREAD")
        waits = All(durable, [place.replace(proxy.target, proxy.socket) for proxy in proxies])
        with Event("x", at=place) as other:
            other.set()
        for name, wait in waits.waits.items():
            assert wait.result() in ([waits.handles[name]], True)
            waits.handles[name].close()


def test_a_server_that_answers_and_has_no_news(place: str, way: Way) -> None:
    with Event("x", at=place) as event, Event("y", at=place) as another:
        while True:
            with contextlib.suppress(Unreachable):  # a busy machine may take longer to answer than the moment it has
                assert way(event, another, timeout=1.2) in ([], False)
                break


def test_what_was_removed_meanwhile_is_ready(place: str, way: Way) -> None:
    with Event("x", at=place) as event:
        wait = InThread(lambda: way(event, timeout=60))
        until(lambda: event.stats().listeners or wait.done(), "it waits")
        event.unlink()
        assert wait.result() in ([event], True)
