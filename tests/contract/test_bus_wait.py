"""Waiting for an event, in a thread and on every loop; subscriptions."""

from __future__ import annotations

import asyncio
import gc
import select
import threading
from typing import TYPE_CHECKING, Any

import pytest
import trio
from harness.callers import InThread
from harness.loops import KINDS, LoopThread
from harness.until import until

from tocsin import Bus, BusEvent, Event, Lagged, WaitCancelled, wait_any

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def bus() -> Iterator[Bus]:
    with Bus() as made:
        yield made


@pytest.fixture(params=["thread", *KINDS])
def waiting(request: pytest.FixtureRequest, bus: Bus) -> Iterator[Any]:
    """`waiting("wait", "x")`: the call, pending, in a thread or on a loop; it provably waits."""
    with LoopThread("asyncio" if request.param == "thread" else request.param) as running:

        def start(owner: Any, what: str, *args: Any) -> Any:
            before = bus.stats().waiting_here
            if request.param == "thread":
                pending: Any = InThread(lambda: getattr(owner, what)(*args))
            else:
                pending = running.start(getattr(owner, f"{what}_async"), *args)
            until(lambda: bus.stats().waiting_here == before + 1, "it waits")
            return pending

        yield start


def test_a_wait_gets_the_event(bus: Bus, waiting: Any) -> None:
    first, second = waiting(bus, "wait", "job.*"), waiting(bus, "wait", "job.done")
    assert bus.emit("other") == 0
    assert bus.emit("job.done", (1,), {"two": 2}) == 2
    for pending in (first, second):
        event = pending.result()
        assert isinstance(event, BusEvent)
        assert (event.name, event.args, event.kwargs) == ("job.done", (1,), {"two": 2})
    assert bus.emit("job.done") == 0
    assert bus.stats().waits == 0


def test_a_wait_that_is_too_long(bus: Bus) -> None:
    with pytest.raises(TimeoutError, match="'x'"):
        bus.wait("x", 0)
    with pytest.raises(TimeoutError):
        bus.wait("x", 0.001)
    for wrong in (-1, float("nan")):
        with pytest.raises(ValueError):
            bus.wait("x", wrong)
        with pytest.raises(ValueError):
            bus.wait_async("x", wrong)
    assert bus.stats().waits == 0


@pytest.mark.parametrize("kind", KINDS)
def test_a_wait_on_a_loop_that_is_too_long(bus: Bus, kind: str) -> None:
    async def main() -> None:
        for timeout in (0, 0.001):
            with pytest.raises(TimeoutError, match="'x'"):
                await bus.wait_async("x", timeout)

    with LoopThread(kind) as running:
        running.run(main)
    assert bus.stats().waits == 0


@pytest.mark.parametrize("kind", KINDS)
def test_a_wait_counts_from_where_it_is_made(bus: Bus, kind: str) -> None:
    async def main() -> list[Any]:
        waits = [bus.wait_async("x") for _ in range(3)]
        assert [bus.emit("x", (n,)) for n in range(2)] == [3, 0]
        return [(await wait).args for wait in waits]

    with LoopThread(kind) as running:
        assert running.run(main) == [(0,)] * 3


def test_a_wait_that_nobody_awaits_leaves_nothing_behind(bus: Bus) -> None:
    wait = bus.wait_async("x")
    assert bus.stats().waits == 1
    with pytest.warns(RuntimeWarning, match="never awaited"):  # noqa: PT031 - both make one statement
        del wait
        gc.collect()
    assert bus.stats().waits == bus.emit("x") == 0


def test_wait_on_a_loops_thread_is_refused(bus: Bus) -> None:
    async def main() -> None:
        with pytest.raises(RuntimeError, match="wait_async"):
            bus.wait("x", 1)

    for kind in KINDS:
        with LoopThread(kind) as running:
            running.run(main)
    assert bus.stats().waits == 0


def test_a_wait_when_the_bus_is_closed(bus: Bus, waiting: Any) -> None:
    found = bus.subscribe("y")
    pending = waiting(bus, "wait", "x"), waiting(found, "wait")
    bus.close()
    for one in pending:
        with pytest.raises(ValueError, match="closed"):
            one.result()


@pytest.mark.parametrize("kind", KINDS)
def test_a_cancelled_wait_leaves_nothing_behind(bus: Bus, kind: str) -> None:
    found = bus.subscribe("x")

    async def main() -> None:
        for wait in (bus.wait_async, lambda _name: found.wait_async()):
            if kind == "trio":
                with trio.CancelScope() as scope:
                    async with trio.open_nursery() as nursery:
                        nursery.start_soon(wait, "x")
                        while not bus.stats().waiting_here:
                            await trio.lowlevel.checkpoint()
                        scope.cancel()
            else:
                task = asyncio.ensure_future(wait("x"))
                while not bus.stats().waiting_here:  # noqa: ASYNC110 - a look at what the task does
                    await asyncio.sleep(0)
                task.cancel()
                await asyncio.wait([task])
                assert task.cancelled()

    with LoopThread(kind) as running:
        running.run(main)
    gc.collect()
    assert bus.stats().waits == bus.stats().waiting_here == 0
    assert bus.emit("x") == 1
    assert found.wait(0).name == "x"


def test_one_emit_one_deadline_many_times(bus: Bus) -> None:
    """An emit and a deadline at the same moment: either it came, or the emit says that nobody heard it."""
    for _ in range(300):
        gate = threading.Barrier(2)

        def wait(gate: threading.Barrier = gate) -> bool:
            gate.wait()
            try:
                return bus.wait("x", 0.0002).name == "x"
            except TimeoutError:
                return False

        pending = InThread(wait)
        gate.wait()
        until(lambda pending=pending: bus.stats().waits == 1 or pending.done(), "it waits, or is over")
        reached = bus.emit("x")
        assert pending.result() == (reached == 1)


# -- subscriptions


def test_an_iteration_in_a_thread(bus: Bus) -> None:
    found = bus.subscribe("job.*")
    heard: list[Any] = []
    pending = InThread(lambda: heard.extend(event.args[0] for event in found))
    for n in range(2000):
        assert bus.emit("job.done", (n,)) == 1
    until(lambda: found.queued == 0 and bus.stats().waiting_here == 1, "it has had them all")
    found.cancel()
    pending.result()
    assert heard == [*range(2000)]
    assert list(found) == []
    with pytest.raises(WaitCancelled):
        found.wait()
    assert bus.emit("job.done") == 0


@pytest.mark.parametrize("kind", KINDS)
def test_an_iteration_on_a_loop(bus: Bus, kind: str) -> None:
    found = bus.subscribe("job.*")
    heard: list[Any] = []

    async def main() -> None:
        async for event in found:
            heard.append(event.args[0])  # noqa: PERF401 - it is looked at while it grows

    with LoopThread(kind) as running:
        pending = running.start(main)
        for n in range(2000):
            bus.emit("job.done", (n,))
        until(lambda: found.queued == 0 and bus.stats().waiting_here == 1, "it has had them all")
        found.cancel()
        pending.result()
    assert heard == [*range(2000)]


def test_it_says_what_it_has_missed_and_goes_on(bus: Bus) -> None:
    found = bus.subscribe("x", limit=3)
    for n in range(10):
        bus.emit("x", (n,))
    with pytest.raises(Lagged) as lagged:
        next(found)
    assert lagged.value.missed == 7
    assert [next(found).args[0] for _ in range(3)] == [7, 8, 9]
    bus.emit("x", (10,))
    assert next(found).args == (10,)


def test_many_threads_share_a_subscription(bus: Bus) -> None:
    found = bus.subscribe("x")
    heard: list[int] = []
    pending = [InThread(lambda: [heard.append(event.args[0]) for event in found]) for _ in range(4)]
    for n in range(5000):
        bus.emit("x", (n,))
    until(lambda: found.queued == 0 and bus.stats().waiting_here == 4, "all are had, and all wait")
    found.cancel()
    for one in pending:
        one.result()
    assert sorted(heard) == [*range(5000)]


def test_its_descriptor_is_readable_while_there_is_something(bus: Bus) -> None:
    def readable() -> bool:
        return bool(select.select([found], [], [], 0)[0])

    found = bus.subscribe("x")
    bus.emit("x", (0,))
    assert readable()
    bus.emit("x", (1,))
    found.wait()
    assert readable()
    found.wait()
    assert not readable()
    with pytest.raises(TimeoutError):
        found.wait(0)
    bus.emit("x")
    assert readable()
    found.wait()
    assert not readable()
    found.cancel()
    assert readable()
    found.close()
    with pytest.raises(ValueError, match="closed"):
        found.fileno()


@pytest.mark.parametrize("kind", KINDS)
def test_a_wait_on_a_loops_thread_warns(bus: Bus, kind: str) -> None:
    found = bus.subscribe("x")

    async def main() -> None:
        bus.emit("x")
        found.wait()  # does not block
        with pytest.warns(RuntimeWarning, match="wait_async"), pytest.raises(TimeoutError):
            found.wait(0.001)

    with LoopThread(kind) as running:
        running.run(main)


def test_it_joins_wait_any(bus: Bus) -> None:
    found, event = bus.subscribe("x"), Event()
    assert wait_any(found, event, timeout=0) == []
    pending = InThread(lambda: wait_any(found, event))
    pending.until_asleep()
    bus.emit("x", (1,))
    assert pending.result() == [found]
    assert found.wait(0).args == (1,)
    event.set()
    assert wait_any(found, event) == [event]


def test_let_go_of_it_has_left(bus: Bus) -> None:
    found = bus.subscribe("x")
    number = found.fileno()
    assert bus.stats().subscriptions == 1
    assert "'x'" in repr(found)
    del found
    gc.collect()
    assert bus.stats().subscriptions == bus.emit("x") == 0
    with pytest.raises(OSError):
        select.select([number], [], [], 0)
    with bus.subscribe("x") as another:
        assert bus.emit("x") == 1
    assert bus.emit("x") == 0
    with pytest.raises(ValueError, match="closed"):
        another.wait()
    another.close()
    assert "closed" in repr(another)
