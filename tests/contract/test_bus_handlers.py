"""What can be a handler, what reaches it, and what becomes of its errors. On the dispatcher and on one loop."""

from __future__ import annotations

import contextvars
import functools
import gc
import threading
from typing import Any

import pytest
from harness.loops import KINDS, LoopThread
from harness.until import until

from tocsin import Bus


class Heard(list[Any]):
    """Sync callables of every kind that note what they are called with."""

    def method(self, *args: Any, **kwargs: Any) -> None:
        self.append((args, kwargs))

    async def coroutine(self, *args: Any, **kwargs: Any) -> None:
        self.append((args, kwargs))

    def kinds(self) -> dict[str, Any]:
        def function(*args: Any, **kwargs: Any) -> None:
            self.method(*args, **kwargs)

        class Callable:
            def __call__(_self, *args: Any, **kwargs: Any) -> None:  # noqa: N805
                self.method(*args, **kwargs)

            def __bool__(_self) -> bool:  # noqa: N805 - whoever asks whether there is one, asks wrongly
                return False

        return {
            "function": function,
            "method": self.method,
            "partial": functools.partial(function, "first"),
            "object": Callable(),
            "lambda": lambda *args, **kwargs: self.append((args, kwargs)),
        }

    def async_kinds(self) -> dict[str, Any]:
        class Callable:
            async def __call__(_self, *args: Any, **kwargs: Any) -> None:  # noqa: N805
                self.method(*args, **kwargs)

        return {
            "coroutine function": self.coroutine,
            "partial of one": functools.partial(self.coroutine, "first"),
            "object": Callable(),
            "function that returns a coroutine": lambda *args, **kwargs: self.coroutine(*args, **kwargs),  # noqa: PLW0108
        }


@pytest.mark.parametrize("what", ["function", "method", "partial", "object", "lambda"])
def test_every_callable(what: str, loop: Any, errors: list[Any]) -> None:
    heard = Heard()
    first = ("first",) if what == "partial" else ()
    with Bus(loop=loop, on_error=errors) as bus:
        bus.register("job.done", heard.kinds()[what])
        assert bus.emit("job.done") == 1
        assert bus.emit("job.done", (1, [2]), {"three": 3}) == 1
        assert bus.emit("job.done", [4]) == 1
        assert bus.emit("job.other") == 0
        until(lambda: len(heard) == 3, "all were heard")
    assert heard == [(first, {}), ((*first, 1, [2]), {"three": 3}), ((*first, 4), {})]
    assert errors == []


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "what", ["coroutine function", "partial of one", "object", "function that returns a coroutine"]
)
def test_every_async_callable(what: str, kind: str, errors: list[Any]) -> None:
    heard = Heard()
    first = ("first",) if what == "partial of one" else ()
    with LoopThread(kind) as running, Bus(on_error=errors) as bus:
        bus.register("job", heard.async_kinds()[what], running.loop)
        assert bus.emit("job", (1,), {"two": 2}) == 1
        until(lambda: heard, "it was heard")
    assert heard == [((*first, 1), {"two": 2})]
    assert errors == []


def test_a_coroutine_without_a_loop_is_an_error_and_not_lost(errors: list[Any]) -> None:
    with Bus(on_error=errors) as bus:
        bus.register("job", lambda: Heard().coroutine())
        bus.emit("job")
        until(lambda: errors, "it was reported")
    assert isinstance(errors[0][0], TypeError)
    assert "loop=" in str(errors[0][0])


def test_callbacks_run_on_their_own_thread(loop: Any) -> None:
    threads = []
    with Bus(loop=loop) as bus:
        bus.register("x", lambda: threads.append(threading.current_thread().name))
        bus.emit("x")
        until(lambda: threads, "it was called")
    assert threads == ["tocsin bus"] if loop is None else threads[0].endswith(" loop")


def test_order_on_one_place_is_the_order_of_emits(loop: Any) -> None:
    heard: list[Any] = []
    with Bus(loop=loop) as bus:
        bus.register("a", lambda n: heard.append(("a", n)))
        bus.register("b", lambda n: heard.append(("b", n)))
        bus.register("**", lambda n: heard.append(("**", n)))
        for n in range(2000):
            bus.emit("ab"[n % 2], (n,))
        until(lambda: len(heard) == 4000, "all were heard")
    assert heard == [(who, n) for n in range(2000) for who in ("ab"[n % 2], "**")]


def test_a_callback_may_emit(loop: Any) -> None:
    heard: list[int] = []
    with Bus(loop=loop) as bus:

        @bus.on("down")
        def down(n: int) -> None:
            heard.append(n)
            if n:
                assert bus.emit("down", (n - 1,)) == 1

        bus.emit("down", (1500,))
        until(lambda: len(heard) == 1501, "it went all the way down")
    assert heard == [*range(1500, -1, -1)]


def test_a_callback_may_unregister_itself_and_others(loop: Any) -> None:
    heard: list[str] = []
    with Bus(loop=loop) as bus:

        @bus.on("x")
        def first() -> None:
            heard.append("first")
            bus.unregister(func=first)
            bus.unregister(func=second)

        @bus.on("x")
        def second() -> None:
            heard.append("second")

        assert bus.emit("x") == 2
        until(lambda: len(heard) == 2, "what was emitted before is still delivered")
        assert bus.emit("x") == 0
    assert heard == ["first", "second"]


def test_what_unregister_says_it_removed() -> None:
    class Thing:
        def method(self) -> None: ...

    thing = Thing()
    with Bus() as bus:
        one, two = bus.register("a", print), bus.register("b", print)
        three, four = bus.register("a", thing.method), bus.register("a.*", print, recurring=False)
        bus.subscribe("a")
        assert bus.unregister(name="a", func=repr) == []
        assert bus.unregister(name="a", func=print) == [one]
        assert bus.unregister(func=thing.method) == [three]  # another bound method, and equal
        assert bus.unregister(name="a") == []  # a subscription is no handler
        assert bus.unregister(func=print) == [two, four]
        assert (one.pattern, one.func, one.recurring, one.loop, one.queued) == ("a", print, True, None, 0)
        assert not four.recurring
        assert "print of 'a.*' on the bus" in repr(four)
        with pytest.raises(TypeError, match="name="):
            bus.unregister()


def test_once_is_once(loop: Any) -> None:
    heard: list[int] = []
    with Bus(loop=loop) as bus:
        bus.once("x", heard.append)
        bus.register("x", heard.append, recurring=False)
        assert [bus.emit("x", (n,)) for n in range(3)] == [2, 0, 0]
        until(lambda: len(heard) == 2, "both heard the first")
    assert heard == [0, 0]


def test_on_returns_what_it_decorates_and_takes_the_options() -> None:
    with Bus() as bus:

        @bus.on("x", recurring=False, policy="error", limit=7)
        def function() -> None: ...

        (handler,) = bus.unregister(func=function)
        assert (handler.policy, handler.limit, handler.recurring) == ("error", 7, False)


def test_the_proxy_emits() -> None:
    with Bus() as bus, bus.subscribe("**") as found:
        assert bus.proxy.job_done(1, x=2) == 1
        assert bus.proxy.job.done() == 1
        assert found.wait(0) == ("job_done", (1,), {"x": 2})
        assert found.wait(0) == ("job.done", (), {})
        with pytest.raises(TypeError, match="name"):
            bus.proxy()


def test_arguments_are_taken_as_they_are_now() -> None:
    with Bus() as bus, bus.subscribe("x") as found:
        args, kwargs = [1], {"a": 1}
        bus.emit("x", args, kwargs)
        args.append(2)
        kwargs["b"] = 2
        event = found.wait(0)
        assert (event.args, event.kwargs) == ((1,), {"a": 1})
        bus.emit("x")
        bus.emit("x")
        found.wait(0).kwargs["mine"] = 1
        assert found.wait(0).kwargs == {}


def test_weak_handlers_go_with_their_objects(loop: Any) -> None:
    class Thing:
        def method(self, n: int) -> None:
            heard.append(n)

    heard: list[int] = []
    thing, bus = Thing(), Bus(loop=loop)
    bus.register("x", thing.method, weak=True)
    bus.register("x", function := lambda n: heard.append(-n), weak=True)
    assert bus.emit("x", (1,)) == 2
    until(lambda: len(heard) == 2, "both heard it")
    del thing
    gc.collect()
    assert bus.stats().handlers == 1
    assert bus.emit("x", (2,)) == 1
    until(lambda: len(heard) == 3, "the other one heard it")
    del function
    gc.collect()
    assert bus.emit("x") == bus.stats().handlers == 0
    with pytest.raises(TypeError, match="weak"):
        bus.register("x", 7 .__add__, weak=True)
    with pytest.raises(TypeError):
        bus.register("x", len.__call__, weak=True)


def test_strong_ones_keep_theirs() -> None:
    heard: list[int] = []
    with Bus() as bus:
        bus.register("x", (lambda: heard.append(1)))
        gc.collect()
        bus.emit("x")
        until(lambda: heard, "it is still there")


def test_a_callback_has_the_context_of_its_registration(loop: Any) -> None:
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="none")
    heard: list[str] = []
    variable.set("registered")
    with Bus(loop=loop) as bus:
        bus.register("x", lambda: heard.append(variable.get()))
        variable.set("emitted")
        bus.emit("x")
        until(lambda: heard, "it was called")
    assert heard == ["registered"]
