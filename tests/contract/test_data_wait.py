"""Waiting for values: timeouts, cursors, who comes late, cancel, iteration."""

from __future__ import annotations

import asyncio
import math
import threading
from typing import TYPE_CHECKING, Any

import pytest
import trio
from harness.callers import LOOPS, RUN, Caller, InThread
from harness.child import Child
from harness.until import until

from tocsin import DataEvent, WaitCancelled

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(params=["named", "anonymous"])
def data(request: pytest.FixtureRequest, place: str) -> Iterator[DataEvent[Any]]:
    with DataEvent("x", at=place) if request.param == "named" else DataEvent() as made:
        yield made


@pytest.fixture(params=("thread", *LOOPS))
def local(request: pytest.FixtureRequest) -> Iterator[Caller]:
    """Callers of this process: cancel and cursors are a handle's own."""
    made = Caller(request.param)
    yield made
    made.finish()


# -- time


@pytest.mark.parametrize("timeout", [0, 0.0, 1e-9, 0.01])
def test_a_wait_that_ends_in_vain(caller: Caller, data: DataEvent[Any], timeout: float) -> None:
    with pytest.raises(TimeoutError, match="no new value"):
        caller.do(data, "wait", timeout)


@pytest.mark.parametrize("timeout", [None, math.inf, 1e300, 3600])
def test_waits_for_ever(caller: Caller, data: DataEvent[Any], timeout: float | None) -> None:
    wait = caller.asleep(data, "wait", timeout)
    data.signal({"a": 1})
    assert wait.result() == {"a": 1}


@pytest.mark.parametrize(
    ("timeout", "error"), [(-1, ValueError), (-math.inf, ValueError), (math.nan, ValueError), ("1", TypeError)]
)
def test_bad_timeouts_take_nothing(local: Caller, data: DataEvent[Any], timeout: Any, error: type[Exception]) -> None:
    data.signal(1)
    with pytest.raises(error):
        local.do(data, "wait", timeout)
    assert data.wait(0) == 1


# -- cursors


def test_one_sender_many_listeners(place: str) -> None:
    callers = [Caller(kind) for kind in ("thread", *LOOPS, "process")]
    handles: list[DataEvent[Any]] = [DataEvent("x", at=place) for _ in callers]
    waits = [caller.asleep(handle, "wait") for caller, handle in zip(callers, handles, strict=True)]
    with DataEvent("x", at=place) as sender:
        sender.signal("value")
    assert [wait.result() for wait in waits] == ["value"] * len(callers)
    for caller, handle in zip(callers, handles, strict=True):
        caller.finish()
        handle.close()


def test_the_latest_wins(data: DataEvent[Any]) -> None:
    for value in range(5):
        data.signal(value)
    assert data.wait() == 4
    with pytest.raises(TimeoutError):
        data.wait(0)


def test_an_equal_value_is_a_new_one(data: DataEvent[Any]) -> None:
    for version in (1, 2, 3):
        assert data.signal("same") == version
        assert data.wait(0) == "same"


@pytest.mark.parametrize("replay", [True, False])
def test_who_comes_late(place: str, replay: bool) -> None:  # noqa: FBT001 - a parameter of the test
    with DataEvent("x", at=place) as data:
        data.signal(1)
        with DataEvent("x", at=place, replay=replay) as late:
            assert late.latest() == 1
            if replay:
                assert late.wait(0) == 1
            with pytest.raises(TimeoutError):
                late.wait(0)
            data.signal(2)
            assert late.wait(0) == 2


def test_threads_of_one_handle_get_each_value_once(data: DataEvent[Any]) -> None:
    got: list[int] = []

    def listen() -> None:
        try:
            while True:
                got.append(data.wait())
        except WaitCancelled:
            pass

    listeners = [InThread(listen, data) for _ in range(3)]
    for value in range(300):
        data.signal(value)
    until(lambda: 299 in got, "the latest value is had")
    data.cancel()
    for listener in listeners:
        listener.result()
    assert len(got) == len(set(got))


LISTENER = """
from tocsin import DataEvent
with DataEvent("x", at=sys.argv[1]) as data:
    say("listens")
    while True: say(data.wait())
"""


def test_listeners_that_die_and_come_back(place: str) -> None:
    with DataEvent("x", at=place) as data:
        for turn in range(3):
            with Child(LISTENER, place) as dies, Child(LISTENER, place) as stays:
                for child in (dies, stays):
                    assert child.hear() == "listens"
                    if turn:
                        assert child.hear() == f"{turn - 1}.2"
                    child.until_asleep()
                data.signal(f"{turn}.0")
                assert dies.hear() == stays.hear() == f"{turn}.0"
                dies.until_asleep()
                dies.kill()
                data.signal(f"{turn}.1")
                assert stays.hear() == f"{turn}.1"
                data.signal(f"{turn}.2")
                assert stays.hear() == f"{turn}.2"


# -- cancelled tasks, and cancel


def test_a_cancelled_task_takes_no_value_along(data: DataEvent[Any]) -> None:
    async def main() -> None:
        for value in range(20):
            task = asyncio.ensure_future(data.wait_async())
            await asyncio.sleep(0)
            data.signal(value)
            task.cancel()
            try:
                found = await task
            except asyncio.CancelledError:
                found = data.wait(0)
            assert found == value

    asyncio.run(main())


def test_a_scope_that_ends_takes_no_value_along(data: DataEvent[Any]) -> None:
    async def main() -> None:
        for value in range(20):
            with trio.move_on_after(0.001) as scope:
                await data.wait_async()
            assert scope.cancelled_caught
            data.signal(value)
            assert await data.wait_async() == value

    trio.run(main)


@pytest.mark.parametrize("timeout", [None, 3600])
def test_cancel_ends_waits(local: Caller, data: DataEvent[Any], timeout: float | None) -> None:
    waits = [local.asleep(data, "wait", timeout) for _ in range(3)]
    data.cancel()
    for wait in waits:
        with pytest.raises(WaitCancelled, match="cancelled for this handle"):
            wait.result()


def test_cancel_is_sticky_and_for_waits_alone(local: Caller, data: DataEvent[Any]) -> None:
    data.cancel()
    assert data.signal(1) == 1
    for timeout in (None, 0, 3600):
        with pytest.raises(WaitCancelled):
            local.do(data, "wait", timeout)
    assert data.latest() == 1
    assert data.version == 1


def test_cancel_is_for_one_handle(caller: Caller, place: str) -> None:
    with DataEvent("x", at=place) as one, DataEvent("x", at=place) as two:
        wait = caller.asleep(two, "wait")
        one.cancel()
        two.signal("on")
        assert wait.result() == "on"


def test_cancel_in_every_instant_of_a_wait(local: Caller, place: str) -> None:
    for _ in range(30):
        with DataEvent("x", at=place) as data:
            wait = local.start(data, "wait")
            threading.Thread(target=data.cancel).start()
            with pytest.raises(WaitCancelled):
                wait.result()


# -- iteration


def test_iteration_until_cancel(data: DataEvent[Any]) -> None:
    data.signal(0)
    found: list[int] = []
    for value in data:
        found.append(value)
        if value == 3:
            data.cancel()
        data.signal(value + 1)
    assert found == [0, 1, 2, 3]
    assert list(data) == []


@pytest.mark.parametrize("kind", LOOPS)
def test_async_iteration_until_cancel(kind: str, data: DataEvent[Any]) -> None:
    async def main() -> list[int]:
        found = []
        async for value in data:
            found.append(value)
            if value == 3:
                threading.Thread(target=data.cancel).start()
            else:
                threading.Thread(target=data.signal, args=(value + 1,)).start()
        return found

    data.signal(0)
    assert RUN[kind](main) == [0, 1, 2, 3]


@pytest.mark.parametrize("loop", ["asyncio", "trio"])
def test_blocking_in_a_running_loop_warns_and_names_the_twin(data: DataEvent[Any], loop: str) -> None:
    async def main() -> None:
        with pytest.warns(RuntimeWarning, match="wait_async") as caught, pytest.raises(TimeoutError):
            data.wait(0.001)
        assert caught[0].filename == __file__

    RUN[loop](main)
