"""Bounded queues: what an emit does when a handler or a subscription is too far behind."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
import trio
from harness.callers import InThread
from harness.loops import KINDS, LoopThread
from harness.until import until

from tocsin import Bus, Full, Lagged


class Slow:
    """A handler that is held up in its first call until it is let go."""

    def __init__(self) -> None:
        self.heard: list[int] = []
        self.begun = threading.Event()
        self.gate = threading.Event()

    def __call__(self, n: int) -> None:
        self.heard.append(n)
        self.begun.set()
        self.gate.wait()


class Errors(list[Any]):
    def __call__(self, error: BaseException, event: Any, handler: Any) -> None:
        self.append(error)


@pytest.mark.parametrize("kind", ["dispatcher", *KINDS])
def test_what_is_dropped_is_counted_exactly_and_reported(kind: str) -> None:
    slow, errors = Slow(), Errors()
    with LoopThread("asyncio" if kind == "dispatcher" else kind) as running, Bus(on_error=errors) as bus:
        handler = bus.register("x", slow, None if kind == "dispatcher" else running.loop, limit=10)
        bus.emit("x", (0,))
        slow.begun.wait()
        for n in range(1, 101):
            assert bus.emit("x", (n,)) == 1
        assert (handler.queued, handler.dropped, bus.stats().dropped) == (10, 90, 90)
        slow.gate.set()
        until(lambda: len(slow.heard) == 11, "the newest are heard")
        assert slow.heard == [0, *range(91, 101)]
        (lagged,) = errors
        assert isinstance(lagged, Lagged)
        assert lagged.missed == 90
        bus.emit("x", (101,))
        until(lambda: len(slow.heard) == 12, "it goes on")
        assert len(errors) == 1


def test_what_is_dropped_from_many_threads_is_counted_exactly() -> None:
    errors, heard = Errors(), []
    with LoopThread() as running, Bus(on_error=errors) as bus:
        handler = bus.register("x", heard.append, running.loop, limit=3)

        def emit(who: int) -> None:
            for n in range(3000):
                bus.emit("x", ((who, n),))

        threads = [threading.Thread(target=emit, args=(who,)) for who in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        until(lambda: handler.queued == 0, "all is heard or dropped")

        async def after() -> None:
            """What runs after the callbacks that were under way."""

        running.run(after)
        assert len(heard) + handler.dropped == 12_000
        assert sum(error.missed for error in errors) == handler.dropped
        for who in range(4):
            mine = [n for emitter, n in heard if emitter == who]
            assert mine == sorted(set(mine))


def test_error_means_that_nobody_gets_it() -> None:
    slow, other = Slow(), []
    with Bus() as bus:
        bus.register("x", other.append)
        bus.register("x", slow, policy="error", limit=2)
        with LoopThread() as running:
            bus.register("x", other.append, running.loop, policy="wait")
            bus.emit("x", (0,))
            slow.begun.wait()
            bus.emit("x", (1,))
            bus.emit("x", (2,))
            for _ in range(3):
                with pytest.raises(Full, match="nobody"):
                    bus.emit("x", (3,))
            slow.gate.set()
            until(lambda: len(slow.heard) == 3, "it has caught up")
            assert bus.emit("x", (4,)) == 3
            until(lambda: len(slow.heard) == 4 and len(other) == 8, "all was heard")
    assert slow.heard == [0, 1, 2, 4]
    assert sorted(other) == [0, 0, 1, 1, 2, 2, 4, 4]


@pytest.mark.parametrize("kind", ["dispatcher", *KINDS])
def test_wait_waits_for_room(kind: str) -> None:
    slow = Slow()
    with LoopThread("asyncio" if kind == "dispatcher" else kind) as running, Bus() as bus:
        bus.register("x", slow, None if kind == "dispatcher" else running.loop, policy="wait", limit=2)
        bus.emit("x", (0,))
        slow.begun.wait()
        bus.emit("x", (1,))
        bus.emit("x", (2,))
        blocked = InThread(lambda: [bus.emit("x", (n,)) for n in range(3, 40)])
        until(lambda: bus.stats().waiting_here == 1, "the emitter waits")
        assert bus.stats().queued == 2
        slow.gate.set()
        assert blocked.result() == [1] * 37
        until(lambda: len(slow.heard) == 40, "all was heard")
    assert slow.heard == [*range(40)]


@pytest.mark.parametrize("kind", KINDS)
def test_wait_on_the_loops_own_thread_has_a_twin(kind: str) -> None:
    heard: list[int] = []
    with LoopThread(kind) as running, Bus(loop=running.loop) as bus:
        bus.register("x", heard.append, policy="wait", limit=2)

        async def main() -> int:
            bus.emit("x", (0,))
            bus.emit("x", (1,))
            with pytest.raises(RuntimeError, match="emit_async"):
                bus.emit("x", (2,))
            return sum([await bus.emit_async("x", (n,)) for n in range(2, 50)])

        assert running.run(main) == 48
        until(lambda: len(heard) == 50, "all was heard")
    assert heard == [*range(50)]


def test_the_dispatcher_can_not_wait_for_itself() -> None:
    errors = Errors()
    with Bus(on_error=errors) as bus:

        @bus.on("x", policy="wait", limit=1)
        def handler(n: int) -> None:
            if n == 0:
                bus.emit("x", (1,))
                bus.emit("x", (2,))

        bus.emit("x", (0,))
        until(lambda: errors, "it is told")
    assert isinstance(errors[0], RuntimeError)


def test_waiting_on_another_loops_thread_warns() -> None:
    slow = Slow()
    with LoopThread() as running, LoopThread() as other, Bus() as bus:
        bus.register("x", slow, running.loop, policy="wait", limit=1)
        bus.emit("x", (0,))
        slow.begun.wait()
        bus.emit("x", (1,))

        async def main() -> None:
            with pytest.warns(RuntimeWarning, match="emit_async"):
                bus.emit("x", (2,))

        blocked = other.start(main)
        until(lambda: bus.stats().waiting_here == 1, "it waits nevertheless")
        slow.gate.set()
        blocked.result()


@pytest.mark.parametrize("kind", KINDS)
def test_a_cancelled_emit_reaches_nobody_and_leaves_no_slot_behind(kind: str) -> None:
    slow, other = Slow(), []
    with LoopThread(kind) as running, Bus() as bus:
        bus.register("x", other.append, policy="wait", limit=5)
        bus.register("x", slow, policy="wait", limit=1)
        bus.emit("x", (0,))
        slow.begun.wait()
        bus.emit("x", (1,))

        async def main() -> str:
            if kind == "trio":
                with trio.CancelScope() as scope:
                    async with trio.open_nursery() as nursery:
                        nursery.start_soon(bus.emit_async, "x", (2,))
                        while not bus.stats().waiting_here:
                            await trio.lowlevel.checkpoint()
                        scope.cancel()
                return "cancelled" if scope.cancelled_caught else "not"
            task = asyncio.ensure_future(bus.emit_async("x", (2,)))
            while not bus.stats().waiting_here:  # noqa: ASYNC110 - a look at what the task does
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait([task])
            return "cancelled" if task.cancelled() else "not"

        assert running.run(main) == "cancelled"
        assert bus.stats().waiting_here == 0
        slow.gate.set()
        assert [bus.emit("x", (n,)) for n in range(3, 30)] == [2] * 27
        until(lambda: len(other) == len(slow.heard) == 29, "all but the cancelled one were heard")
        assert 2 not in other


def test_who_waits_for_room_is_told_that_the_loop_is_closed() -> None:
    errors = Errors()
    loop = asyncio.new_event_loop()
    with Bus(on_error=errors) as bus:
        bus.register("x", print, loop, policy="wait", limit=1)
        bus.emit("x", (0,))
        blocked = InThread(lambda: bus.emit("x", (1,)))
        until(lambda: bus.stats().waiting_here == 1, "the emitter waits")
        loop.close()
        assert blocked.result() == 0
        assert [type(error) for error in errors] == [RuntimeError, RuntimeError]


def test_a_subscription_that_waits_lets_everybody_go_when_it_ends() -> None:
    for end in ("cancel", "close"):
        with Bus() as bus:
            found = bus.subscribe("x", policy="wait", limit=1)
            bus.emit("x")
            blocked = [InThread(lambda: bus.emit("x")) for _ in range(3)]
            until(lambda: bus.stats().waiting_here == 3, "the emitters wait")
            getattr(found, end)()
            assert [one.result() for one in blocked] == [1, 1, 1]
            assert bus.emit("x") == 0


def test_two_emitters_never_wait_for_each_other() -> None:
    """Slots are taken in one order by all."""
    with LoopThread() as running, Bus(loop=running.loop) as bus:
        heard: list[int] = []
        bus.register("a.**", heard.append, policy="wait", limit=1)
        bus.register("**", heard.append, policy="wait", limit=1)
        bus.register("a.*", heard.append, policy="wait", limit=1)
        names = ["a.b", "a", "a.c", "b"]
        done = [InThread(lambda name=name: [bus.emit(name, (n,)) for n in range(300)]) for name in names]
        for one in done:
            one.result()
        until(lambda: len(heard) == 300 * (3 + 2 + 3 + 1), "all was heard")
