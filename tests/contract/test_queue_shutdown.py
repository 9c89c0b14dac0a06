"""shutdown, as in Python 3.13, iteration, which it ends, and cancel, which ends one handle's waits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from harness.callers import LOOPS, RUN
from harness.until import until

from tocsin import Empty, Queue, ShutDown, WaitCancelled

if TYPE_CHECKING:
    from harness.callers import Caller


def test_what_is_in_it_is_still_got(caller: Caller, either_queue: Queue[Any]) -> None:
    either_queue.put(1)
    assert either_queue.is_shutdown is False
    caller.do(either_queue, "shutdown")
    assert either_queue.is_shutdown is True
    for what in ("put", "put_nowait"):
        with pytest.raises(ShutDown):
            caller.do(either_queue, what, 2)
    assert caller.do(either_queue, "get") == 1
    for what in ("get", "get_nowait", "receive"):
        with pytest.raises(ShutDown):
            caller.do(either_queue, what)


def test_immediate_drops_what_is_in_it(caller: Caller, either_queue: Queue[Any]) -> None:
    either_queue.put_many([1, 2, 3])
    caller.do(either_queue, "shutdown", immediate=True)
    with pytest.raises(ShutDown):
        caller.do(either_queue, "get")
    assert either_queue.qsize() == 0
    assert either_queue.join(0), "what was dropped counts as worked off"


def test_from_shut_down_to_immediate_and_not_back(either_queue: Queue[Any]) -> None:
    either_queue.put(1)
    either_queue.shutdown()
    either_queue.shutdown(immediate=True)
    either_queue.shutdown(immediate=False)
    assert either_queue.is_shutdown
    with pytest.raises(ShutDown):
        either_queue.get()


@pytest.mark.parametrize("how", [{}, {"immediate": True}], ids=["plain", "immediate"])
def test_it_ends_those_who_wait(caller: Caller, place: str, how: dict[str, bool]) -> None:
    with Queue("e", at=place) as empty, Queue("f", at=place, maxsize=1) as full:
        full.put(1)
        gets = [caller.asleep(empty, "get"), caller.asleep(empty, "receive"), caller.asleep(empty, "get_many", 3)]
        put = caller.asleep(full, "put", 2)
        empty.shutdown(**how)
        full.shutdown(**how)
        for pending in (*gets, put):
            with pytest.raises(ShutDown):
                pending.result()


def test_it_is_for_every_handle_and_lasts(either_queue: Queue[Any], place: str) -> None:
    either_queue.shutdown()
    if either_queue.name is not None:
        with Queue("q", at=place) as other:
            assert other.is_shutdown
            with pytest.raises(ShutDown):
                other.put(1)


def test_what_is_given_back_is_delivered_after_the_shutdown(either_queue: Queue[Any]) -> None:
    """A queue isn't empty while somebody holds an item that may come back."""
    either_queue.put(1)
    delivery = either_queue.receive()
    either_queue.shutdown()
    delivery.nack()
    with either_queue.receive(60) as again:
        assert (again.item, again.attempt) == (1, 2)
    with pytest.raises(ShutDown):
        either_queue.receive(60)


def test_iteration_ends_at_the_shutdown(either_queue: Queue[Any]) -> None:
    either_queue.put_many([1, 2, 3])
    either_queue.shutdown()
    assert list(either_queue) == [1, 2, 3]
    assert list(either_queue) == []


@pytest.mark.parametrize("kind", LOOPS)
def test_async_iteration_ends_at_the_shutdown(kind: str, either_queue: Queue[Any]) -> None:
    async def main() -> list[Any]:
        return [item async for item in either_queue]

    either_queue.put_many([1, 2, 3])
    either_queue.shutdown()
    assert RUN[kind](main) == [1, 2, 3]


def test_an_iteration_waits_and_goes_on(thread: Caller, either_queue: Queue[Any]) -> None:
    steps = iter(either_queue)
    pending = thread.start(steps, "__next__")  # type: ignore[arg-type]
    pending.until_asleep()
    either_queue.put("a")
    assert pending.result() == "a"
    either_queue.put("b")
    assert next(steps) == "b"
    assert iter(steps) is steps
    either_queue.shutdown()
    with pytest.raises(StopIteration):
        next(steps)


def test_cancel_ends_the_waits_of_this_handle_alone(here: Caller, place: str) -> None:
    with Queue("q", at=place, maxsize=1) as one, Queue("q", at=place) as other:
        gets = [here.asleep(one, "get"), here.asleep(one, "receive")]
        elsewhere = here.asleep(other, "get")
        one.cancel()
        for pending in gets:
            with pytest.raises(WaitCancelled):
                pending.result()
        assert not elsewhere.done()
        other.put(1)
        assert elsewhere.result() == 1
        with pytest.raises(WaitCancelled):
            here.do(one, "get")
        one.put(2)  # what doesn't wait goes on working
        with pytest.raises(WaitCancelled):
            here.do(one, "put", 3)
        assert list(one) in ([], [2])


def test_cancel_ends_a_join(here: Caller, queue: Queue[Any]) -> None:
    queue.put(1)
    join = here.asleep(queue, "join")
    queue.cancel()
    with pytest.raises(WaitCancelled):
        join.result()


def test_cancel_ends_an_iteration(thread: Caller, either_queue: Queue[Any]) -> None:
    ended = thread.start(iter(either_queue), "__next__")  # type: ignore[arg-type]
    ended.until_asleep()
    either_queue.cancel()
    until(ended.done, "the iteration is over")
    with pytest.raises((StopIteration, RuntimeError)):
        ended.result()


def test_get_nowait_after_cancel(queue: Queue[Any]) -> None:
    queue.cancel()
    queue.put(1)
    assert queue.get_nowait() == 1
    with pytest.raises((Empty, WaitCancelled)):
        queue.get_nowait()
