"""The dispatcher's thread, and timers: it comes with need, goes with it, and stands in nobody's way."""

from __future__ import annotations

import contextlib
import gc
import os
import threading
from typing import Any

import pytest
from harness.child import Child
from harness.until import until

from tocsin import Bus, _core
from tocsin._bus_dispatcher import dispatcher


def thread() -> threading.Thread | None:
    return next((found for found in threading.enumerate() if found.name == "tocsin bus"), None)


def test_it_ends_when_there_is_nothing_to_do() -> None:
    heard: list[tuple[int, threading.Thread]] = []
    with Bus() as bus:
        bus.register("x", lambda n: heard.append((n, threading.current_thread())))
        for n in range(3):
            until(lambda: thread() is None, "there is no thread")
            bus.emit("x", (n,))
            until(lambda n=n: len(heard) > n, "it came, and heard it")
        until(lambda: thread() is None, "it has ended")
    assert [n for n, _ in heard] == [0, 1, 2]
    assert all(found.name == "tocsin bus" and found.daemon for _, found in heard)
    assert len({found for _, found in heard}) == 3, "each time another one"


def test_a_timer_fires_not_before_its_time_and_in_order() -> None:
    heard: list[tuple[Any, int]] = []
    with Bus() as bus:
        bus.register("x", lambda what: heard.append((what, _core.now())))
        delays = (0.06, 0.02, 0.04, 0)
        with dispatcher.books:  # none fires before all are made
            start = _core.now()
            timers = [bus.emit_after(delay, "x", (delay,)) for delay in delays]
            assert all(timer.pending for timer in timers)
        until(lambda: len(heard) == 4, "all have fired")
        dues = [timer._due for timer in timers]  # each counts from its own call, and between two any time may pass
        assert [what for what, _ in heard] == [what for _, what in sorted(zip(dues, delays, strict=True))]
        assert all(at - start >= what * 1e9 for what, at in heard)
        assert all(at >= dues[delays.index(what)] for what, at in heard)
        assert not any(timer.pending or timer.cancel() for timer in timers)
        assert "over" in repr(timers[0])


def test_a_timer_can_be_cancelled_and_does_not_keep_the_thread() -> None:
    with Bus() as bus, bus.subscribe("x") as found:
        timers = [bus.emit_after(3600 + n, "x") for n in range(1000)]
        assert "in " in repr(timers[0])
        assert [timer.cancel() for timer in timers] == [True] * 1000
        assert not timers[0].cancel()
        until(lambda: thread() is None, "the thread has ended")
        assert dispatcher.timers == []
        assert found.queued == 0


def test_cancelled_timers_are_not_kept() -> None:
    with Bus() as bus:
        first = bus.emit_after(3600, "x")
        for _ in range(5000):
            bus.emit_after(7200, "x").cancel()
        assert len(dispatcher.timers) < 1000
        first.cancel()


def test_a_timer_needs_no_loop_and_is_heard_by_who_listens_then() -> None:
    delay, heard = 0.01, None
    with Bus() as bus:
        while heard is None:  # on a busy machine its time may come before we listen
            bus.emit_after(delay, "x", (1,), {"two": 2})
            with contextlib.suppress(TimeoutError):
                heard = bus.wait("x", timeout=1 + delay)
            delay *= 2
    assert heard == ("x", (1,), {"two": 2})


@pytest.mark.parametrize("delay", [-1, float("nan"), float("inf"), "1", None, True])
def test_a_bad_delay(delay: Any) -> None:
    with Bus() as bus, pytest.raises(ValueError, match="delay"):
        bus.emit_after(delay, "x")


def test_what_a_timer_can_not_deliver_is_reported() -> None:
    errors: list[Any] = []
    with Bus(on_error=lambda *what: errors.append(what)) as bus:
        bus.subscribe("y")
        full = bus.subscribe("x", policy="error", limit=1)
        bus.emit("x")
        bus.emit_after(0, "x", (1,))
        until(lambda: errors, "it was reported")
        ((error, event, handler),) = errors
        assert (type(error).__name__, event.args, handler) == ("Full", (1,), None)
        assert full.queued == 1


def test_a_closed_bus_has_no_timers() -> None:
    bus, errors = Bus(on_error=lambda *what: errors.append(what)), []
    timer = bus.emit_after(0.01, "x")
    bus.close()
    until(lambda: not timer.pending, "its time has come")
    dispatcher.finish()
    assert errors == []


@pytest.mark.parametrize("named", [False, True])
def test_a_timer_that_is_due_while_its_bus_is_closed_is_dropped(place: str, *, named: bool) -> None:
    errors: list[Any] = []
    bus = Bus("bus" if named else None, at=place if named else None, on_error=lambda *what: errors.append(what))
    found = bus.subscribe("x")
    emit = bus.emit

    def closed_in_between(*what: Any) -> int:
        bus.close()
        return emit(*what)

    bus.emit = closed_in_between  # type: ignore[method-assign]
    timer = bus.emit_after(0, "x")
    until(lambda: not timer.pending and bus.stats().closed, "its time has come")
    dispatcher.finish()
    assert errors == []
    with pytest.raises(ValueError, match="closed"):
        found.wait(0)


def test_an_exit_waits_for_what_was_emitted_and_for_no_timer() -> None:
    with Child("""
        bus = tocsin.Bus()
        tocsin._bus_dispatcher.LINGER = 60  # however long its thread is kept from going on
        bus.register("x", lambda n: say(n))
        bus.emit_after(3600, "x", ("late",))
        for n in range(1000): bus.emit("x", (n,))
    """) as child:
        assert child.check().split() == [str(n) for n in range(1000)]


def test_an_exit_does_not_wait_for_a_callback_that_hangs() -> None:
    with Child("""
        import threading
        bus = tocsin.Bus()
        begun = threading.Event()
        def hang(): begun.set(); threading.Event().wait()
        bus.register("x", hang)
        bus.emit("x")
        bus.emit("x")
        begun.wait()
    """) as child:
        child.check()
        assert "still running at exit" in child.errors()


def test_an_exit_without_any_use_of_it() -> None:
    with Child("bus = tocsin.Bus(); bus.register('x', print); say('ready')") as child:
        assert child.check() == "ready\n"


def test_a_signal_handler_may_emit() -> None:
    with Child("""
        bus = tocsin.Bus()
        heard = []
        bus.register("x", heard.append, limit=100_000)
        found = bus.subscribe("x", limit=100_000)
        signal.signal(signal.SIGALRM, lambda *_: bus.emit("x", ("alarm",)))
        signal.setitimer(signal.ITIMER_REAL, 0.0002, 0.0002)
        for n in range(20_000): bus.emit("x", (n,))
        signal.setitimer(signal.ITIMER_REAL, 0)
        got = []
        while found.queued: got.append(found.wait(0).args[0])
        assert [n for n in got if n != "alarm"] == list(range(20_000))
        assert got.count("alarm") > 0
        while len(heard) < len(got): time.sleep(0)
        assert sorted(map(str, heard)) == sorted(map(str, got))
        assert bus.stats().dropped == 0
    """) as child:
        child.check()


def test_a_forked_child_has_the_handlers_and_none_of_what_was_under_way() -> None:
    with Child("""
        import asyncio, threading
        bus = tocsin.Bus(on_error=lambda error, event, handler: say(os.getpid() == parent, event.args[0], error))
        parent = os.getpid()
        loop = asyncio.new_event_loop()
        runs = threading.Event()
        begun, gate = threading.Event(), threading.Event()
        def heard(n):
            say(os.getpid() == parent, "heard", n)
            if n == 1: begun.set(); gate.wait()
        bus.register("x", heard)
        found = bus.subscribe("x")
        found.fileno()
        thread = threading.Thread(target=loop.run_forever)
        thread.start()
        loop.call_soon_threadsafe(runs.set); runs.wait()
        bus.register("y", heard, loop)
        bus.emit("x", (1,))
        begun.wait()
        bus.emit_after(0.2, "x", ("late",))  # its thread is held up, so this is under way when the fork comes
        bus.emit("x", (2,))
        child = os.fork()
        if child == 0:
            bus.emit("y", (3,))         # its loop runs in the parent
            bus.emit("x", (4,))         # to the child's own dispatcher, and behind what the subscription had
            assert [found.wait(0).args[0] for _ in range(3)] == [1, 2, 4]
            import select
            assert not select.select([found], [], [], 0)[0]
            tocsin._bus.dispatcher.finish()
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        assert [found.wait(0).args[0] for _ in range(2)] == [1, 2]
        gate.set()
        assert found.wait().args == ("late",)
        tocsin._bus.dispatcher.finish()
        loop.call_soon_threadsafe(loop.stop); thread.join(); loop.close()
    """) as child:
        lines = child.check().splitlines()
    theirs, ours = [line for line in lines if line.startswith("False")], [x for x in lines if x.startswith("True")]
    assert theirs[0].startswith("False 3 ")
    assert "parent process" in theirs[0]
    assert theirs[1:] == ["False heard 4"]
    assert ours == ["True heard 1", "True heard 2", "True heard late"]


def test_no_descriptor_is_left_behind() -> None:
    gc.collect()  # what earlier tests left
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(20):
        with Bus() as bus, bus.subscribe("x") as found:
            found.fileno()
            bus.emit("x")
    until(lambda: len(os.listdir("/proc/self/fd")) <= before, "descriptors are given back")
