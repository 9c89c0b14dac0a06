"""A thread that waits for one emit of a bus on a server sees it come itself (`_bus_lookout`)."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, Any

import pytest
from harness.until import until

from tocsin import Bus, Unreachable
from tocsin._bus_lookout import Lookout
from tocsin._bus_wait import Wait
from tocsin._topic import Topic

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.servers import RedisServer


@pytest.fixture
def bus(server: RedisServer) -> Iterator[Bus]:
    with Bus("bus", at=server.url()) as bus:
        yield bus


class Waiter:
    """One wait on a thread: `heard` is its end."""

    def __init__(self, wait: Any) -> None:
        self.heard: list[Any] = []
        self.thread = threading.Thread(target=self._run, args=(wait,))
        self.thread.start()

    def _run(self, wait: Any) -> None:
        try:
            self.heard.append(wait().args)
        except Exception as error:
            self.heard.append(error)

    def end(self) -> Any:
        self.thread.join(60)
        (end,) = self.heard
        return end


def turns_of(bus: Any) -> Any:
    return bus._topic._ear.turns


def sleeps_on_the_connection(bus: Bus, thread: threading.Thread) -> None:
    turns = turns_of(bus)
    until(lambda: turns.leader == thread.ident and turns.poll is not None, "the one that waits leads")


def test_who_waits_sleeps_on_the_connection_in_place_of_the_reader(bus: Any) -> None:
    with bus.subscribe("y") as others:
        for n in range(3):
            until(lambda: turns_of(bus).leader == bus._reader.thread.ident, "the reader leads where nobody else waits")
            waiter = Waiter(lambda: bus.wait("x", 60))
            sleeps_on_the_connection(bus, waiter.thread)
            bus.emit("y", (n,))
            assert others.wait(60).args == (n,)
            bus.emit("x", (n,))
            assert waiter.end() == (n,)


@contextlib.contextmanager
def emitted_while_the_reader_is_busy(bus: Any) -> Iterator[tuple[Bus, Wait]]:
    """Three emits of x: the handler is at the first, its backlog is full with the second, and the reader, which has
    taken the third, waits for room. What is emitted on the other bus comes after that."""
    opened, taken = threading.Event(), []

    def slow(n: int) -> None:
        taken.append(n)
        opened.wait(60)

    bus.register("x", slow, policy="wait", limit=1)
    with Bus("bus", at=bus.at) as other:
        try:
            other.emit("x", (0,))
            until(lambda: taken == [0], "the handler is busy")
            other.emit("x", (1,))
            until(lambda: bus._reader.dealt == 2, "its backlog is full")
            early = Wait(bus, "x", -1)
            other.emit("x", (2,))
            until(lambda: bus._topic.cursor == 3, "the reader has it, and waits for room")
            yield other, early
        finally:
            opened.set()


def test_what_the_reader_has_and_has_not_dealt_comes_before_what_the_lookout_sees(bus: Any) -> None:
    with emitted_while_the_reader_is_busy(bus) as (other, early):
        waiter = Waiter(lambda: early.wait(-1))
        sleeps_on_the_connection(bus, waiter.thread)
        other.emit("x", (3,))
        ear = bus._topic._ear

        def has_seen() -> bool:
            with ear.lock:
                return bool(bus._topic._backlog.last == 4)

        until(has_seen, "the next one has come to the lookout")
        assert waiter.heard == []
    assert waiter.end() == (2,)


def test_a_lookout_claims_nothing_that_came_before_its_wait_began(bus: Any) -> None:
    with emitted_while_the_reader_is_busy(bus) as (other, _):
        other.emit("x", (3,))
        wait = Wait(bus, "x", -1)
        lookout = Lookout(bus._reader, wait._seat)
        assert lookout.claim(4, b'["x", [3], {}]') is None
        assert lookout.claim(5, b'["x", [4], {}]') == ("x", (4,), {})
        assert lookout.claim(6, b'["x", [5], {}]') is None, "one wait hears one"


def test_who_comes_later_leads_though_others_wait_longer(bus: Bus) -> None:
    patient = Waiter(lambda: bus.wait("y", 60))
    sleeps_on_the_connection(bus, patient.thread)
    for n in range(5):
        waiter = Waiter(lambda: bus.wait("x", 60))
        until(lambda: bus.stats().waiting_here == 2, "both wait")
        bus.emit("x", (n,))
        assert waiter.end() == (n,)
    bus.emit("y", (5,))
    assert patient.end() == (5,)
    for n in range(5):
        with_another = [Waiter(lambda name=name: bus.wait(name, 60)) for name in ("x", "y")]
        until(lambda: bus.stats().waiting_here == 2, "both wait")
        for name, waiter in zip(("x", "y"), with_another, strict=True):
            bus.emit(name, (n,))
            assert waiter.end() == (n,)


def test_each_of_many_hears_the_first_that_comes_after_it_began(bus: Any) -> None:
    with Bus("bus", at=bus.at) as other, bus.subscribe("x.*") as all_of_them:
        for turn in range(30):
            waiters = [Waiter(lambda n=n: bus.wait(f"x.{n}", 60)) for n in (0, 1, 1, 2)]
            until(lambda: bus.stats().waiting_here == 4, "all wait")
            for again in range(5):
                for n in range(3):
                    other.emit(f"x.{n}", (turn, n, again))
            assert [waiter.end() for waiter in waiters] == [(turn, n, 0) for n in (0, 1, 1, 2)]
        assert [all_of_them.wait(60).args for _ in range(30 * 15)] == [
            (turn, n, again) for turn in range(30) for again in range(5) for n in range(3)
        ]


def test_what_is_no_emit_is_seen_and_left_to_the_reader(server: RedisServer) -> None:
    errors: list[BaseException] = []
    at = server.url()
    with Bus("bus", at=at, on_error=lambda error, *_: errors.append(error)) as bus, Topic("bus", at=at) as topic:
        waiter = Waiter(lambda: bus.wait("**", 60))
        sleeps_on_the_connection(bus, waiter.thread)
        for payload in (b"no json", b'["a..b", [], {}]', b'["", [], {}]', b"\xff", b"[" * 100_000):
            topic.emit(payload)
        bus.emit("x", (1,))
        assert waiter.end() == (1,)
        until(lambda: len(errors) == 5, "the reader tells of each")


def test_a_lookout_that_loses_its_server_is_told_what_the_reader_is_told(durable: RedisServer) -> None:
    with Bus("bus", at=durable.url(patience=1)) as bus:
        waiter = Waiter(lambda: bus.wait("x"))
        sleeps_on_the_connection(bus, waiter.thread)
        durable.kill()
        assert isinstance(waiter.end(), Unreachable)


@pytest.mark.parametrize("end", ["close", "unlink"])
def test_a_lookout_ends_with_its_bus(bus: Any, end: str) -> None:
    waiter = Waiter(lambda: bus.wait("x"))
    sleeps_on_the_connection(bus, waiter.thread)
    getattr(bus, end)()
    assert isinstance(waiter.end(), FileNotFoundError if end == "unlink" else ValueError)


def test_a_deadline_that_passes_leaves_the_connection_to_the_reader(bus: Any) -> None:
    heard: list[int] = []
    bus.register("x", heard.append)
    with pytest.raises(TimeoutError):
        bus.wait("y", 0.01)
    until(lambda: turns_of(bus).leader == bus._reader.thread.ident, "the reader leads again")
    bus.emit("x", (1,))
    until(lambda: heard == [1], "the handler hears")
