"""Putting and getting, one by one, by every kind of caller: order, blocking, timeouts, and queue.Queue's exceptions."""

from __future__ import annotations

import math
import queue as stdlib
import time
from typing import TYPE_CHECKING, Any

import pytest

import tocsin
from tocsin import Empty, Full, Queue

if TYPE_CHECKING:
    from harness.callers import Caller

VALUES = [None, True, 0, -1, 2**64, 10**40, 1.5, -0.0, 1e300, "", "é\u4e00\U0001f600\0", [], {}, [1, [2, {"a": None}]],
          {"": {"x": [1.0, "2"]}}, "x" * 10_000, ["y"] * 5_000]  # fmt: skip


def test_the_exceptions_are_the_standard_librarys() -> None:
    assert (tocsin.Empty, tocsin.Full) == (stdlib.Empty, stdlib.Full)
    if hasattr(stdlib, "ShutDown"):
        assert tocsin.ShutDown is stdlib.ShutDown


def test_first_in_first_out(caller: Caller, either_queue: Queue[Any]) -> None:
    for number in range(20):
        either_queue.put(number)
    assert either_queue.qsize() == 20
    assert [caller.do(either_queue, "get") for _ in range(3)] == [0, 1, 2]
    caller.do(either_queue, "put", "last")
    assert [either_queue.get() for _ in range(18)] == [*range(3, 20), "last"]
    assert either_queue.empty()


def test_items_come_back_equal(either_queue: Queue[Any]) -> None:
    for value in VALUES:
        either_queue.put(value)
    for value in VALUES:
        found = either_queue.get()
        assert found == value
        assert type(found) is type(value)


@pytest.mark.parametrize("size", [1, 4_095, 8_190, 8_192, 8_193, 65_536, 300_000, 5_000_000])
def test_items_of_every_size(either_queue: Queue[Any], size: int) -> None:
    """Sizes around those of the buffers, and of more than a segment."""
    items = ["a" * size, "b", "c" * size]
    for item in items:
        either_queue.put(item)
    assert [either_queue.get(timeout=60) for _ in items] == items


def test_a_get_waits_for_a_put(caller: Caller, thread: Caller, either_queue: Queue[Any]) -> None:
    get = caller.asleep(either_queue, "get")
    thread.do(either_queue, "put", {"id": 1})
    assert get.result() == {"id": 1}


def test_a_put_waits_for_room(caller: Caller, place: str) -> None:
    with Queue("q", at=place, maxsize=2) as queue:
        queue.put(1)
        queue.put(2)
        put = caller.asleep(queue, "put", 3)
        assert queue.get() == 1
        put.result()
        assert queue.full()
        assert [queue.get(), queue.get()] == [2, 3]


def test_a_put_waits_for_room_in_bytes(caller: Caller, place: str) -> None:
    with Queue("q", at=place, max_bytes=1_000) as queue:
        queue.put("x" * 900)
        with pytest.raises(Full):
            queue.put_nowait("x" * 900)
        put = caller.asleep(queue, "put", "y" * 900)
        queue.get()
        put.result()
        assert queue.get() == "y" * 900


def test_each_item_has_one_taker(caller: Caller, either_queue: Queue[Any]) -> None:
    gets = [caller.asleep(either_queue, "get") for _ in range(4)]
    for number in range(4):
        either_queue.put(number)
    assert sorted(get.result() for get in gets) == [0, 1, 2, 3]
    assert either_queue.empty()


def test_empty(caller: Caller, either_queue: Queue[Any]) -> None:
    begin = time.monotonic()
    with pytest.raises(Empty, match="empty"):
        caller.do(either_queue, "get", timeout=0.05)
    assert time.monotonic() - begin >= 0.05
    for how in ({"block": False}, {"timeout": 0}, {"block": False, "timeout": -1}):
        with pytest.raises(Empty):
            caller.do(either_queue, "get", **how)
    with pytest.raises(Empty):
        either_queue.get_nowait()
    with pytest.raises(Empty):
        either_queue.get(False)


def test_full(caller: Caller, place: str) -> None:
    with Queue("q", at=place, maxsize=1) as queue:
        queue.put(1)
        begin = time.monotonic()
        with pytest.raises(Full, match="'q' at"):
            caller.do(queue, "put", 2, timeout=0.05)
        assert time.monotonic() - begin >= 0.05
        for how in ({"block": False}, {"timeout": 0}, {"block": False, "timeout": -1}):
            with pytest.raises(Full):
                caller.do(queue, "put", 2, **how)
        with pytest.raises(Full):
            queue.put_nowait(2)
        assert queue.qsize() == 1


@pytest.mark.parametrize("timeout", [-1, -0.001, -math.inf, math.nan])
def test_a_negative_timeout_is_refused(caller: Caller, queue: Queue[Any], timeout: float) -> None:
    for what, args in (("put", (1,)), ("get", ()), ("put_many", ([1],)), ("get_many", (1,))):
        with pytest.raises(ValueError, match="timeout"):
            caller.do(queue, what, *args, timeout=timeout)
    with pytest.raises(ValueError, match="timeout"):
        caller.do(queue, "receive", timeout)
    assert queue.empty()


@pytest.mark.parametrize("timeout", ["1", [], object], ids=repr)
def test_what_is_no_number_is_refused(queue: Queue[Any], timeout: Any) -> None:
    with pytest.raises(TypeError):
        queue.get(timeout=timeout)
    with pytest.raises(TypeError):
        queue.put(1, timeout=timeout)


@pytest.mark.parametrize("timeout", [None, math.inf, 1e300, 10**9])
def test_none_inf_and_whatever_is_far_wait_on(thread: Caller, queue: Queue[Any], timeout: float | None) -> None:
    get = thread.asleep(queue, "get", True, timeout)
    queue.put(0)
    assert get.result() == 0


def test_positional_arguments_as_in_queue(place: str) -> None:
    with Queue("q", at=place, maxsize=1) as queue:
        queue.put("a", True, 1)
        with pytest.raises(Full):
            queue.put("b", False, 1)
        assert queue.get(True, 1) == "a"
        with pytest.raises(Empty):
            queue.get(False, 1)


def test_what_is_full_and_empty(place: str) -> None:
    with Queue("q", at=place, maxsize=2) as queue:
        assert (queue.empty(), queue.full(), queue.qsize(), queue.maxsize) == (True, False, 0, 2)
        queue.put(1)
        assert (queue.empty(), queue.full(), queue.qsize()) == (False, False, 1)
        queue.put(1)
        assert (queue.empty(), queue.full(), queue.qsize()) == (False, True, 2)
    with Queue(max_bytes=10) as queue:
        queue.put("12345678")
        assert queue.full()


def test_a_queue_without_bounds_is_never_full(either_queue: Queue[Any]) -> None:
    for _ in range(5_000):
        either_queue.put("x" * 50, block=False)
    assert not either_queue.full()
    assert either_queue.maxsize == 0


def test_the_first_argument_is_the_name() -> None:
    with pytest.raises(TypeError, match=r"Queue\(maxsize=10\)"):
        Queue(10)  # type: ignore[call-overload]


def test_peek_leaves_it_there(caller: Caller, either_queue: Queue[Any]) -> None:
    with pytest.raises(Empty):
        caller.do(either_queue, "peek")
    either_queue.put("x" * 20_000)
    either_queue.put(2)
    assert caller.do(either_queue, "peek") == "x" * 20_000
    assert either_queue.qsize() == 2
    assert either_queue.get() == "x" * 20_000
    assert either_queue.peek() == 2


def test_purge(caller: Caller, either_queue: Queue[Any]) -> None:
    assert either_queue.purge() == 0
    for number in range(300):
        either_queue.put(number)
    assert caller.do(either_queue, "purge") == 300
    assert either_queue.empty()
    assert either_queue.join(0), "what was dropped counts as worked off"
    either_queue.put("next")
    assert either_queue.get() == "next"


def test_purge_makes_room(thread: Caller, place: str) -> None:
    with Queue("q", at=place, maxsize=1) as queue:
        queue.put(1)
        put = thread.asleep(queue, "put", 2)
        assert queue.purge() == 1
        put.result()
        assert queue.get() == 2


def test_many_producers_and_consumers(thread: Caller, either_queue: Queue[Any]) -> None:
    """Every item once, and each producer's in its order."""
    import threading

    count, sides = 2_000, 3

    def produce(who: int) -> None:
        for number in range(count):
            either_queue.put([who, number])

    taken: list[list[list[int]]] = [[] for _ in range(sides)]

    def consume(mine: list[list[int]]) -> None:
        while (item := either_queue.get(timeout=60)) is not None:
            mine.append(item)

    threads = [threading.Thread(target=consume, args=(mine,), daemon=True) for mine in taken]
    threads += [threading.Thread(target=produce, args=(who,), daemon=True) for who in range(sides)]
    for each in threads:
        each.start()
    for each in threads[sides:]:
        each.join(60)
    for _ in range(sides):
        either_queue.put(None)
    for each in threads[:sides]:
        each.join(60)
    assert sorted(item for mine in taken for item in mine) == [[who, n] for who in range(sides) for n in range(count)]
    for mine in taken:
        for who in range(sides):
            numbers = [n for w, n in mine if w == who]
            assert numbers == sorted(numbers)


def test_a_blocking_call_in_a_loop_says_so(queue: Queue[Any]) -> None:
    import asyncio

    async def main() -> None:
        with pytest.warns(RuntimeWarning, match="get_async"), pytest.raises(Empty):
            queue.get(timeout=0.001)
        queue.put(1)
        queue.get()  # doesn't block, so nothing to say

    asyncio.run(main())
