"""What becomes of a callback's errors; wrong input; and the end of a bus without a name."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import pytest
from harness.loops import LoopThread
from harness.until import until

from tocsin import Bus


def test_an_error_goes_to_on_error_with_its_event_and_handler(loop: Any, errors: list[Any]) -> None:
    heard: list[int] = []
    with Bus(loop=loop, on_error=errors) as bus:
        handler = bus.register("x", lambda n, **_: heard.append(1 // n))
        for n in (1, 0, 1):
            bus.emit("x", (n,), {"k": 1})
        until(lambda: len(heard) == 2, "the others were heard")
    ((error, event, at),) = errors
    assert isinstance(error, ZeroDivisionError)
    assert event == ("x", (0,), {"k": 1})
    assert at is handler


@pytest.mark.parametrize("kind", ["asyncio", "uvloop"])
def test_without_on_error_the_loops_handler_has_it(kind: str) -> None:
    told: list[dict[str, Any]] = []
    with LoopThread(kind) as running, Bus(loop=running.loop) as bus:
        running.loop.set_exception_handler(lambda _loop, context: told.append(context))
        handler = bus.register("x", lambda: 1 // 0)
        bus.emit("x")
        until(lambda: told, "it was told")
        assert told[0]["handler"] is handler
        assert isinstance(told[0]["exception"], ZeroDivisionError)
        assert "'x'" in told[0]["message"]


@pytest.mark.parametrize("broken", [False, True])
def test_without_a_loop_the_log_has_it(caplog: pytest.LogCaptureFixture, *, broken: bool) -> None:
    def on_error(*_: object) -> None:
        raise KeyError("on_error itself")

    with Bus(on_error=on_error if broken else None) as bus:
        bus.register("x", lambda: 1 // 0)
        bus.emit("x")
        until(lambda: caplog.records, "it was logged")
    assert "BusHandler" in caplog.text
    assert ("KeyError" if broken else "ZeroDivisionError") in caplog.text


def test_who_ends_the_thread_ends_only_his_own_call(caplog: pytest.LogCaptureFixture) -> None:
    heard: list[int] = []

    def leave() -> None:
        raise SystemExit(3)

    with Bus() as bus:
        bus.register("x", leave)
        bus.register("x", lambda: heard.append(1))
        bus.emit("x")
        bus.emit("x")
        until(lambda: len(heard) == 2, "the other handler hears everything")
    assert "SystemExit" in caplog.text


@pytest.mark.parametrize(
    ("wrong", "kind"),
    [
        ({"func": 7}, TypeError),
        ({"func": None}, TypeError),
        ({"loop": 7}, TypeError),
        ({"loop": "asyncio"}, TypeError),
        ({"policy": "newest"}, ValueError),
        ({"limit": 0}, ValueError),
        ({"limit": 1.5}, ValueError),
        ({"limit": True}, ValueError),
        ({"concurrency": 0}, ValueError),
        ({"concurrency": True}, ValueError),
        ({"concurrency": "2"}, ValueError),
    ],
)
def test_wrong_input_is_an_error_at_the_call(wrong: dict[str, Any], kind: type[Exception]) -> None:
    with Bus() as bus:
        with pytest.raises(kind):
            bus.register(**{"name": "x", "func": print, **wrong})
        assert bus.stats().handlers == 0


def test_wrong_arguments_of_an_emit() -> None:
    with Bus() as bus:
        for wrong in ("text", 7, {1: 2}, None):
            with pytest.raises(TypeError, match="tuple"):
                bus.emit("x", wrong)
        for wrong in (7, {1: 2}):
            with pytest.raises(TypeError):
                bus.emit("x", (), wrong)


def test_an_on_error_that_can_not_be_called_is_an_error_at_once() -> None:
    with pytest.raises(TypeError, match="on_error=7"):
        Bus(on_error=7)
    with Bus(on_error=print) as bus:
        with pytest.raises(TypeError, match="on_error='log'"):
            bus.on_error = "log"
        assert bus.on_error is print
        bus.on_error = None
        assert bus.on_error is None


def test_a_closed_bus() -> None:
    bus = Bus()
    bus.register("x", print)
    bus.emit("nobody")
    bus.close()
    bus.close()
    for call in (
        lambda: bus.emit("x"),
        lambda: bus.emit("nobody"),
        lambda: bus.register("x", print),
        lambda: bus.on("x"),
        lambda: bus.wait("x", 0),
        lambda: bus.wait_async("x"),
        lambda: bus.subscribe("x"),
        lambda: bus.emit_after(0, "x"),
    ):
        with pytest.raises(ValueError, match="closed"):
            call()
    assert bus.stats().closed
    assert repr(bus) == "<tocsin.Bus: closed>"


def test_it_is_not_pickled() -> None:
    import pickle

    with Bus() as bus, pytest.raises(TypeError, match="process"):
        pickle.dumps(bus)


def made_and_let_go(loop: Any) -> list[weakref.ref[Any]]:
    heard: list[int] = []
    bus = Bus(loop=loop)
    handler = bus.register("x", lambda: heard.append(bus.stats().handlers))
    bus.emit("x")
    until(lambda: heard, "it was heard")
    return [weakref.ref(bus), weakref.ref(handler)]


def test_a_bus_and_its_handlers_are_collected() -> None:
    with LoopThread() as running:
        gone, handler = made_and_let_go(running.loop)
        until(lambda: gc.collect() is not None and gone() is None and handler() is None, "both are gone")


def test_a_handler_where_the_loop_belongs_is_refused_at_once() -> None:
    """`bus.on("x", f)` is no decorator of anything: it would never be heard of again."""
    with Bus() as bus, pytest.raises(TypeError, match="neither a loop"):
        bus.on("x", print)  # type: ignore[arg-type]
