"""Timeouts of a signal's wait, cancel, and iteration, by every caller that has them."""

from __future__ import annotations

import asyncio
import math
import threading
from typing import TYPE_CHECKING

import pytest
import trio
from harness.callers import LOOPS, RUN, Caller, InThread

from tocsin import Signal

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = ("thread", *LOOPS)


@pytest.fixture(params=["named", "anonymous"])
def either_signal(request: pytest.FixtureRequest, place: str) -> Iterator[Signal]:
    with Signal("x", at=place) if request.param == "named" else Signal() as made:
        yield made


@pytest.fixture(params=HERE)
def local(request: pytest.FixtureRequest) -> Iterator[Caller]:
    """Callers of this process: cancel and cursors are a handle's own."""
    made = Caller(request.param)
    yield made
    made.finish()


# -- time


@pytest.mark.parametrize("timeout", [0, 0.0, -1, -math.inf, 1e-9, 0.01])
def test_a_wait_that_ends_in_vain(caller: Caller, either_signal: Signal, timeout: float) -> None:
    assert caller.do(either_signal, "wait", timeout) == 0


@pytest.mark.parametrize("timeout", [None, math.inf, 1e300, 10**9, 3600])
def test_waits_for_ever(caller: Caller, either_signal: Signal, timeout: float | None) -> None:
    wait = caller.asleep(either_signal, "wait", timeout)
    either_signal.signal()
    assert wait.result() == 1


@pytest.mark.parametrize("pending", [False, True])
def test_nan_is_refused(local: Caller, either_signal: Signal, pending: bool) -> None:  # noqa: FBT001 - a parameter of the test
    if pending:
        either_signal.signal()
    with pytest.raises(ValueError, match="NaN"):
        local.do(either_signal, "wait", math.nan)
    assert either_signal.wait(0) == pending


def test_a_timeout_must_be_a_number(local: Caller, either_signal: Signal) -> None:
    with pytest.raises(TypeError):
        local.do(either_signal, "wait", "1")


def test_a_cancelled_task_takes_no_signal_along(either_signal: Signal) -> None:
    async def main() -> None:
        for _ in range(20):
            task = asyncio.ensure_future(either_signal.wait_async())
            await asyncio.sleep(0)
            either_signal.signal()
            task.cancel()
            heard = 0
            try:
                heard = await task
            except asyncio.CancelledError:
                heard = either_signal.wait(0)
            assert heard == 1

    asyncio.run(main())


def test_a_scope_that_ends_takes_no_signal_along(either_signal: Signal) -> None:
    async def main() -> None:
        for _ in range(20):
            heard: list[int] = []
            with trio.move_on_after(0.001):
                heard.append(await either_signal.wait_async())
            assert heard == []
            either_signal.signal()
            assert await either_signal.wait_async() == 1

    trio.run(main)


# -- cancel


@pytest.mark.parametrize("timeout", [None, 3600])
def test_cancel_ends_waits_with_0(local: Caller, either_signal: Signal, timeout: float | None) -> None:
    waits = [local.asleep(either_signal, "wait", timeout) for _ in range(3)]
    either_signal.cancel()
    assert [wait.result() for wait in waits] == [0, 0, 0]


def test_cancel_is_sticky(local: Caller, either_signal: Signal) -> None:
    either_signal.cancel()
    for timeout in (None, 0, 3600):
        assert local.do(either_signal, "wait", timeout) == 0
    either_signal.cancel()
    assert local.do(either_signal, "wait") == 0


def test_cancel_is_for_one_handle(caller: Caller, place: str) -> None:
    with Signal("x", at=place) as one, Signal("x", at=place) as two:
        wait = caller.asleep(two, "wait")
        one.cancel()
        assert one.signal() == 1, "what does not wait goes on working"
        assert one.count == 1
        assert wait.result() == 1


def test_cancel_in_every_instant_of_a_wait(local: Caller, place: str) -> None:
    """Before it, in it, after it: whoever was faster, the wait ends."""
    for _ in range(30):
        with Signal("x", at=place) as signal:
            wait = local.start(signal, "wait")
            threading.Thread(target=signal.cancel).start()
            assert wait.result() == 0


def test_cancel_makes_the_descriptor_readable(either_signal: Signal) -> None:
    import select

    fd = either_signal.fileno()
    assert select.select([fd], [], [], 0)[0] == []
    either_signal.cancel()
    assert select.select([fd], [], [], 0)[0] == [fd]


# -- iteration


def test_iteration_yields_counts_until_cancel(either_signal: Signal) -> None:
    either_signal.signal()
    either_signal.signal()
    found: list[int] = []
    for count in either_signal:
        found.append(count)
        if len(found) < 3:
            either_signal.signal()
        else:
            either_signal.cancel()
    assert found == [2, 1, 1]
    assert list(either_signal) == []


def test_an_iteration_that_sleeps_is_cancelled(either_signal: Signal) -> None:
    listener = InThread(lambda: list(either_signal))
    listener.until_asleep()
    either_signal.cancel()
    assert sum(listener.result()) == 0


@pytest.mark.parametrize("kind", LOOPS)
def test_async_iteration_yields_counts_until_cancel(kind: str, either_signal: Signal) -> None:
    async def main() -> list[int]:
        found = []
        async for count in either_signal:
            found.append(count)
            if len(found) == 3:
                threading.Thread(target=either_signal.cancel).start()
            elif len(found) < 3:
                threading.Thread(target=either_signal.signal).start()
        return found

    either_signal.signal()
    assert RUN[kind](main) == [1, 1, 1]


def test_an_iteration_is_resumable(either_signal: Signal) -> None:
    """It is an object: stopping half-way loses nothing, and an exception ends a step, not the iteration."""
    steps = iter(either_signal)
    assert iter(steps) is steps
    either_signal.signal()
    assert next(steps) == 1
    with pytest.raises(RuntimeWarning):
        asyncio.run(_one_step(steps))
    either_signal.signal()
    assert next(steps) == 1
    either_signal.cancel()
    for _ in range(2):
        with pytest.raises(StopIteration):
            next(steps)


async def _one_step(steps: Iterator[int]) -> int:
    return next(steps)


def test_a_closed_handle_fails_an_iteration(either_signal: Signal) -> None:
    listener = InThread(lambda: list(either_signal))
    listener.until_asleep()
    either_signal.close()
    with pytest.raises(ValueError, match="closed"):
        listener.result()


@pytest.mark.parametrize("loop", ["asyncio", "trio"])
def test_blocking_in_a_running_loop_warns_and_names_the_twin(either_signal: Signal, loop: str) -> None:
    async def main() -> None:
        with pytest.warns(RuntimeWarning, match="wait_async") as caught:
            assert either_signal.wait(0.001) == 0
        assert caught[0].filename == __file__

    RUN[loop](main)
