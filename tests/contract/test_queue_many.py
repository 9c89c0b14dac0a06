"""put_many and get_many: one look for as many as fit, and nothing lost between two of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tocsin import Empty, Full, InvalidMessage, MessageTooLarge, Queue, ShutDown

if TYPE_CHECKING:
    from harness.callers import Caller


def test_many_in_and_out(caller: Caller, either_queue: Queue[Any]) -> None:
    items = [{"id": number} for number in range(3_000)]
    assert caller.do(either_queue, "put_many", items) == 3_000
    assert either_queue.qsize() == 3_000
    assert caller.do(either_queue, "get_many", 2_500) == items[:2_500]
    assert caller.do(either_queue, "get_many", 1_000) == items[2_500:]


def test_an_iterator_is_taken(queue: Queue[Any]) -> None:
    assert queue.put_many(number for number in range(3)) == 3
    assert queue.get_many(10) == [0, 1, 2]


def test_items_with_ends_of_lines(either_queue: Queue[Any]) -> None:
    """Many are encoded as lines."""
    items = ["a\nb", {"\n": "\r\n"}, "\u2028\u2029\x85\x0b\x0c", "\n", ["\n"]] * 3
    assert either_queue.put_many(items) == len(items)
    assert either_queue.get_many(100) == items


def test_none_at_all(caller: Caller, queue: Queue[Any]) -> None:
    assert caller.do(queue, "put_many", []) == 0
    assert queue.empty()


def test_many_waits_for_the_first_and_takes_what_is_there(
    caller: Caller, thread: Caller, either_queue: Queue[Any]
) -> None:
    get = caller.asleep(either_queue, "get_many", 10)
    thread.do(either_queue, "put", 1)
    assert get.result() == [1]
    either_queue.put_many([2, 3, 4])
    assert caller.do(either_queue, "get_many", 2) == [2, 3]
    assert caller.do(either_queue, "get_many", 10) == [4]


def test_many_of_none_is_empty(caller: Caller, either_queue: Queue[Any]) -> None:
    for how in ({"block": False}, {"timeout": 0}, {"timeout": 0.01}):
        with pytest.raises(Empty):
            caller.do(either_queue, "get_many", 5, **how)


@pytest.mark.parametrize("wanted", [0, -1])
def test_less_than_one_is_refused(queue: Queue[Any], wanted: int) -> None:
    with pytest.raises(ValueError, match="max_items"):
        queue.get_many(wanted)


def test_what_is_no_count_is_refused(queue: Queue[Any]) -> None:
    with pytest.raises(TypeError):
        queue.get_many(1.5)  # type: ignore[arg-type]


def test_items_larger_than_the_buffer(caller: Caller, either_queue: Queue[Any]) -> None:
    items = ["a" * 10, "b" * 200_000, "c", "d" * 70_000, "e" * 70_000, "f"]
    assert either_queue.put_many(items) == 6
    found: list[Any] = []
    while len(found) < 6:
        found += caller.do(either_queue, "get_many", 6)
    assert found == items


def test_a_put_of_many_waits_for_room(caller: Caller, place: str) -> None:
    with Queue("q", at=place, maxsize=10) as queue:
        put = caller.asleep(queue, "put_many", list(range(35)))
        assert queue.qsize() == 10
        found: list[int] = []
        while len(found) < 35:
            found += queue.get_many(7, timeout=60)
        assert found == list(range(35))
        assert put.result() == 35


def test_as_many_as_fit(caller: Caller, place: str) -> None:
    with Queue("q", at=place, maxsize=3) as queue:
        assert caller.do(queue, "put_many", [1, 2], block=False) == 2
        assert caller.do(queue, "put_many", [3, 4], timeout=0.01) == 1
        for how in ({"block": False}, {"timeout": 0.01}):
            with pytest.raises(Full):
                caller.do(queue, "put_many", [4], **how)
        assert queue.get_many(10) == [1, 2, 3]


def test_one_wrong_item_and_none_is_in(caller: Caller, queue: Queue[Any]) -> None:
    with pytest.raises(InvalidMessage, match=r"\$\.a is a set"):
        caller.do(queue, "put_many", [1, 2, {"a": {3}}])
    with pytest.raises(InvalidMessage, match=r"item 2: \$\.a is a set"):
        queue.put_many([1, 2, {"a": {3}}])
    with pytest.raises(MessageTooLarge):
        queue.put_many([1, "x" * (64 << 20)])
    assert queue.empty()


def test_a_put_of_many_into_a_queue_that_was_shut_down(caller: Caller, queue: Queue[Any]) -> None:
    queue.shutdown()
    with pytest.raises(ShutDown):
        caller.do(queue, "put_many", [1])


def test_a_shutdown_in_the_middle_says_how_many_are_in(caller: Caller, place: str) -> None:
    with Queue("q", at=place, maxsize=2) as queue:
        put = caller.asleep(queue, "put_many", [1, 2, 3])
        queue.shutdown()
        assert put.result() == 2
        assert queue.get_many(10) == [1, 2]
        with pytest.raises(ShutDown):
            queue.get_many(10)
