"""A bus with a name takes many emits at once, and nobody can tell: not by order, drops, errors, nor by who is slow."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, Any

import pytest
from harness.child import Child
from harness.loops import LoopThread
from harness.until import until

from tocsin import Bus, InvalidMessage, Lagged
from tocsin._topic import Topic

if TYPE_CHECKING:
    from collections.abc import Iterator

#: More than are taken from the topic at once.
MANY = 600


@contextlib.contextmanager
def at_once(bus: Any) -> Iterator[None]:
    """What is emitted meanwhile comes in batches: its reader gets no further than to what it had begun."""
    with bus._reader.books:
        yield


@pytest.fixture
def bus(place: str, errors: Any) -> Iterator[Bus]:
    with Bus("bus", at=place, on_error=errors) as made:
        yield made


def test_the_order_of_emits_is_the_order_of_calls_whoever_they_are_for(bus: Bus, loop: Any) -> None:
    heard: list[Any] = []
    bus.register("x", lambda n: heard.append(("first", n)), loop)
    bus.register("x", lambda n: heard.append(("second", n)), loop)
    bus.register("y", lambda n: heard.append(("y", n)), loop)
    wanted: list[Any] = []
    with at_once(bus):
        for n in range(MANY):
            bus.emit("y" if n % 7 == 3 else "x", (n,))
            wanted += [("y", n)] if n % 7 == 3 else [("first", n), ("second", n)]
    until(lambda: len(heard) == len(wanted), "all is heard")
    assert heard == wanted


def test_each_hears_what_is_his(bus: Bus, loop: Any) -> None:
    once: list[Any] = []
    bus.once("x", once.append, loop)
    wait = threading.Thread(target=lambda: once.append(bus.wait("x").args[0]))
    wait.start()
    until(lambda: bus.stats().waiting_here == 1, "it waits")
    with bus.subscribe("*") as found:
        with at_once(bus):
            for n in range(MANY):
                bus.emit("x", (n,))
        assert [found.wait().args[0] for _ in range(MANY)] == [*range(MANY)]
    wait.join()
    until(lambda: len(once) == 2, "both have heard")
    assert once == [0, 0]
    assert bus.stats().handlers == 0


def test_what_is_dropped_is_counted_exactly(bus: Bus, errors: list[Any], loop: Any) -> None:
    heard: list[int] = []
    begun, gate = threading.Event(), threading.Event()

    def slow(n: int) -> None:
        heard.append(n)
        begun.set()
        gate.wait()

    handler = bus.register("x", slow, loop, limit=10)
    bus.emit("x", (0,))
    begun.wait()
    with at_once(bus):
        for n in range(1, MANY):
            bus.emit("x", (n,))
    until(lambda: handler.dropped == MANY - 11, "what is too much is dropped")
    assert handler.queued == 10
    gate.set()
    until(lambda: len(heard) == 11, "the newest are heard")
    assert heard == [0, *range(MANY - 10, MANY)]
    ((lagged, _, _),) = errors
    assert isinstance(lagged, Lagged)
    assert lagged.missed == MANY - 11


def test_errors_of_some_are_theirs_alone(bus: Bus, errors: list[Any], loop: Any) -> None:
    heard: list[Any] = []

    def callback(n: int) -> Any:
        heard.append(n)
        if n % 100 == 50:
            raise KeyError(n)

    bus.register("x", callback, loop)
    with at_once(bus):
        for n in range(MANY):
            bus.emit("x", (n,))
    until(lambda: len(heard) == MANY, "all were called")
    assert heard == [*range(MANY)]
    until(lambda: len(errors) == MANY // 100, "all are told")
    assert [(type(error), event.args[0]) for error, event, _ in errors] == [(KeyError, n) for n in range(50, MANY, 100)]


def test_who_ends_the_dispatcher_ends_only_his_own_call(bus: Bus, caplog: pytest.LogCaptureFixture) -> None:
    heard: list[int] = []

    def callback(n: int) -> None:
        heard.append(n)
        if n == 100:
            raise SystemExit(3)

    bus.register("x", callback)
    with at_once(bus):
        for n in range(MANY):
            bus.emit("x", (n,))
    until(lambda: len(heard) == MANY, "the others are called")
    assert heard == [*range(MANY)]
    assert "SystemExit" in caplog.text


def test_a_plain_function_may_give_coroutines(bus: Bus) -> None:
    heard: list[int] = []

    async def coroutine(n: int) -> None:
        heard.append(n)

    with LoopThread() as running:
        bus.register("x", lambda n: coroutine(n), running.loop)  # noqa: PLW0108 - it is no coroutine function
        with at_once(bus):
            for n in range(MANY):
                bus.emit("x", (n,))
        until(lambda: len(heard) == MANY, "all ran")
    assert heard == [*range(MANY)]


def test_what_is_no_emit_spoils_no_other(bus: Bus, errors: list[Any], place: str) -> None:
    heard: list[int] = []
    bus.register("**", heard.append)
    with Topic("bus", at=place) as topic, at_once(bus):
        for payload in (
            *(b"no JSON", b"", b"[1]", b'["x"]', b'["a..b", [], {}]', b'["x", {}, []]', b'["", [1], {}]', b"\n", b" "),
            b'["x",\n[1], {}]',  # a line's end, where JSON may have one
        ):
            bus.emit("x", (0,))
            topic.emit(payload)
        bus.emit("x", (2,))
    until(lambda: heard[-1:] == [2], "the last is heard")
    assert heard == [*[0] * 10, 1, 2]
    assert [type(error) for error, _, _ in errors] == [InvalidMessage] * 9
    errors.clear()
    with Topic("bus", at=place) as topic, at_once(bus):
        for n in range(MANY):
            topic.emit(b'["a..b", [], {}]' if n % 100 == 50 else b'["x", [%d], {}]' % n)
    until(lambda: heard[-1:] == [MANY - 1], "the last is heard")
    assert len(heard) == 12 + MANY - MANY // 100
    assert len(errors) == MANY // 100


@pytest.mark.parametrize("payload", [b"no JSON", b'["a..b", [], {}]', b'["", [], {}]', b"[null, [], {}]"])
def test_what_is_no_emit_is_told_also_when_it_comes_alone(
    bus: Bus, errors: list[Any], place: str, payload: bytes
) -> None:
    with bus.subscribe("**") as found, Topic("bus", at=place) as topic:
        topic.emit(payload)
        until(lambda: errors, "it is told")
        bus.emit("x")
        assert found.wait().name == "x"
    assert [type(error) for error, _, _ in errors] == [InvalidMessage]


def test_a_callback_that_takes_long_holds_up_nobody_else(bus: Bus) -> None:
    gate, begun = threading.Event(), threading.Event()
    heard: list[int] = []
    on_loop: list[int] = []

    def slow(n: int) -> None:
        begun.set()
        gate.wait()
        heard.append(n)

    with LoopThread() as running, bus.subscribe("x") as found:
        bus.register("x", slow)
        bus.register("x", on_loop.append, running.loop)
        bus.emit("x", (-1,))
        begun.wait()
        for n in range(10 * MANY):
            bus.emit("x", (n,))
        assert [found.wait().args[0] for _ in range(10 * MANY + 1)] == [*range(-1, 10 * MANY)]
        until(lambda: len(on_loop) == 10 * MANY + 1, "the loop's handler has heard it")
        assert heard == []
        gate.set()
        until(lambda: len(heard) == 10 * MANY + 1, "the slow one, too")
    assert heard == on_loop == [*range(-1, 10 * MANY)]


def test_a_callback_may_wait_for_a_reply_in_the_middle_of_many(bus: Bus) -> None:
    heard: list[Any] = []

    def asks(n: int) -> None:
        if n % 500 == 250:
            with bus.subscribe(f"answer.{n}") as found:
                bus.emit("ask", (n,))
                heard.append(found.wait().args[0])
        else:
            heard.append(n)

    with LoopThread() as running:
        bus.register("ask", lambda n: bus.emit(f"answer.{n}", (n,)), running.loop)
        bus.register("x", asks)
        for n in range(5 * MANY):
            bus.emit("x", (n,))
        until(lambda: len(heard) == 5 * MANY, "all is answered")
    assert heard == [*range(5 * MANY)]


@pytest.mark.parametrize("policy", ["drop_oldest", "wait"])
def test_from_another_process_each_once_in_its_order(place: str, policy: str) -> None:
    """The dispatcher reads by itself whenever it has nothing else to do, in turns with the thread that waits."""
    heard: list[int] = []
    with (
        Bus("bus", at=place, max_bytes=1 << 18) as bus,
        Child(f"""
            bus = tocsin.Bus("bus", at={place!r})
            hear()
            for n in range(30_000): bus.emit("x", (n,), wait=None)
        """) as child,
    ):
        bus.register("x", heard.append, policy=policy, limit=1 << 20)
        child.say("go")
        until(lambda: len(heard) == 30_000, "all is heard")
        child.check()
    assert heard == [*range(30_000)]
