"""Dead letters: what can't be delivered goes aside with the reason, and the consumer goes on."""

from __future__ import annotations

import base64
import signal
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from harness.child import Child

from tocsin import Empty, Event, InvalidMessage, Queue, WrongKind

if TYPE_CHECKING:
    from harness.callers import Caller


class Job(msgspec.Struct):
    id: int


def fail(queue: Queue[Any], times: int) -> None:
    for _ in range(times):
        with pytest.raises(RuntimeError), queue.receive(60):
            raise RuntimeError("no good")


def test_after_so_many_deliveries(either_queue: Queue[Any]) -> None:
    either_queue.put({"id": 1})
    fail(either_queue, 4)
    assert either_queue.dead.empty()
    fail(either_queue, 1)
    assert either_queue.empty()
    assert either_queue.join(0), "what is dead is worked off"
    assert either_queue.dead.get() == {
        "item": {"id": 1},
        "reason": "RuntimeError('no good')",
        "attempts": 5,
        "sequence": 1,
        "queue": either_queue.name,
    }


def test_the_number_can_be_chosen(place: str) -> None:
    with Queue("q", at=place, max_deliveries=2) as queue:
        queue.put("x")
        fail(queue, 2)
        assert queue.dead.peek()["attempts"] == 2
    with Queue("r", at=place, max_deliveries=0) as queue:
        queue.put("x")
        fail(queue, 12)
        with queue.receive() as delivery:
            assert delivery.attempt == 13
        assert queue.dead.empty()


def test_nack_counts_too(either_queue: Queue[Any]) -> None:
    either_queue.put("x")
    for _ in range(5):
        either_queue.receive(60).nack()
    letter = either_queue.dead.get()
    assert (letter["item"], letter["attempts"]) == ("x", 5)
    assert "given back" in letter["reason"]


@pytest.mark.parametrize("taker", ["receive", "get", "get_many"])
def test_its_process_died_each_time(place: str, taker: str, caller: Caller) -> None:
    if caller.kind == "process" and taker == "receive":
        taker = "get"  # a delivery stays in its process
    script = "queue = tocsin.Queue('q', at=sys.argv[1])\nqueue.receive(60)\nsay('held')\nhear()"
    with Queue("q", at=place, max_deliveries=2) as queue:
        queue.put("poison")
        for _ in range(2):
            with Child(script, place) as child:
                assert child.hear() == "held"
                child.signal(signal.SIGKILL)
                child.end()
        queue.put("sound")
        args = (5,) if taker == "get_many" else ()
        found = [caller.do(queue, taker, *args)]
        if queue.dead.empty():  # the dead are looked for by those who wait
            with pytest.raises(Empty):
                queue.get(timeout=2)
        assert getattr(found[0], "item", found[0]) in ("sound", ["sound"])
        letter = queue.dead.get()
        assert (letter["item"], letter["attempts"], letter["reason"]) == ("poison", 2, "its process died")
        if taker == "receive":
            found[0].ack()


@pytest.mark.parametrize("how", ["get", "receive", "get_many"])
def test_what_does_not_decode(here: Caller, place: str, how: str) -> None:
    """It goes to the dead letters with the reason, and the consumer gets the next one."""
    with Queue("q", at=place) as anything, Queue("q", at=place, type=Job) as jobs:
        anything.put({"id": "one"})
        anything.put({"id": 2})
        anything.put([])
        args = (10,) if how == "get_many" else ()
        found = here.do(jobs, how, *args)
        if how == "receive":
            assert found.item == Job(2)
            found.ack()
        else:
            assert found in (Job(2), [Job(2)])
            jobs.task_done()
        with pytest.raises(Empty):
            jobs.get_nowait()
        assert jobs.join(0), "what is dead is worked off"
        letters = jobs.dead.get_many(10)
        assert [letter["item"] for letter in letters] == [{"id": "one"}, []]
        assert "Expected `int`" in letters[0]["reason"]
        assert [letter["sequence"] for letter in letters] == [1, 3]


def test_what_is_not_json(place: str) -> None:
    """Somebody who speaks C may put any bytes into a queue."""
    with Queue("q", at=place) as queue:
        queue._put_bytes(b"\xff{", -1)
        queue.put(1)
        assert queue.get() == 1
        letter = queue.dead.get()
        assert base64.b64decode(letter["data"]) == b"\xff{"
        assert "item" not in letter


def test_raw_items(place: str) -> None:
    with Queue("q", at=place, codec="raw", max_deliveries=1) as queue:
        queue.put(b"\0\xff")
        fail(queue, 1)
        letter = queue.dead.peek()
        assert base64.b64decode(letter["data"]) == b"\0\xff"
        assert queue.redrive() == 1
        assert queue.get() == b"\0\xff"


def test_redrive(here: Caller, either_queue: Queue[Any]) -> None:
    either_queue.put_many([1, 2, 3])
    for _ in range(5):
        fail(either_queue, 3)
    assert either_queue.dead.qsize() == 3
    assert here.do(either_queue, "redrive", 2) == 2
    assert either_queue.dead.qsize() == 1
    assert here.do(either_queue, "redrive") == 1
    assert here.do(either_queue, "redrive") == 0
    with either_queue.receive() as delivery:
        assert (delivery.item, delivery.attempt) == (1, 1)
    assert either_queue.get_many(5) == [2, 3]


def test_another_process_redrives(queue: Queue[Any], place: str) -> None:
    queue.put(1)
    fail(queue, 5)
    with Child("say(tocsin.Queue('q', at=sys.argv[1]).redrive())", place) as child:
        assert child.hear() == "1"
        child.check()
    assert queue.get() == 1


def test_redrive_stops_when_the_queue_is_full(place: str) -> None:
    with Queue("q", at=place, maxsize=2, max_deliveries=1) as queue:
        for number in range(3):
            queue.put(number)
            fail(queue, 1)
        assert queue.redrive() == 2
        assert queue.dead.qsize() == 1
        assert queue.get_many(5) == [0, 1]
        assert queue.redrive() == 1


def test_redrive_of_what_is_no_letter(queue: Queue[Any]) -> None:
    queue.dead.put({"by": "hand"})
    with pytest.raises(InvalidMessage, match="no dead letter"):
        queue.redrive()
    assert queue.dead.qsize() == 1
    assert queue.empty()


def test_a_redriven_item_may_die_again(place: str) -> None:
    with Queue("q", at=place, max_deliveries=1) as queue:
        queue.put("x")
        for _ in range(3):
            fail(queue, 1)
            assert queue.redrive() == 1
        assert queue.get() == "x"


def test_letters_are_a_queue_by_its_name(queue: Queue[Any], place: str) -> None:
    assert queue.dead is queue.dead
    assert queue.dead.name == "q.dead"
    queue.put(1)
    fail(queue, 5)
    with Queue("q.dead", at=place, create=False) as dead:
        assert dead.get()["item"] == 1


def test_letters_have_no_letters(queue: Queue[Any]) -> None:
    with pytest.raises(ValueError, match="dead letters"):
        _ = queue.dead.dead
    queue.dead.put("x")
    fail(queue.dead, 20)  # they come back however often
    assert queue.dead.get(timeout=60) == "x"


@pytest.mark.local("what lies in a directory has a path")
def test_the_queue_is_a_path(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)
    with Queue("./q") as queue:
        monkeypatch.chdir("/")
        assert queue.dead.path == f"{place}/q.dead"
    with Queue("f/q", at=place) as queue:
        assert queue.dead.path == f"{place}/f/q.dead"


def test_the_name_is_taken_by_another_kind(queue: Queue[Any], place: str) -> None:
    """Nothing is lost: the item goes back, and the mistake is said until somebody mends it."""
    queue.put(1)
    with Event("q.dead", at=place) as in_the_way:
        for _ in range(4):
            queue.receive(60).nack()
        with pytest.raises(WrongKind):
            queue.receive(60).nack()
        with pytest.raises(WrongKind):
            queue.get(timeout=60)
        assert queue.qsize() == 1
        in_the_way.unlink()
    with pytest.raises(Empty):
        queue.get_nowait()
    assert queue.dead.get()["item"] == 1


def test_a_name_that_leaves_no_room(place: str) -> None:
    """It can't have dead letters, so it is delivered however often."""
    with Queue("n" * 199, at=place) as queue:
        with pytest.raises(ValueError, match="bad name"):
            _ = queue.dead
        queue.put(1)
        fail(queue, 12)
        assert queue.get(timeout=60) == 1


def test_a_reason_of_any_kind(queue: Queue[Any]) -> None:
    class OddError(Exception):
        def __repr__(self) -> str:
            raise self

    for error in (OddError(), ValueError("\ud800" * 10_000), KeyboardInterrupt()):
        queue.put("x")
        for _ in range(5):
            with pytest.raises(type(error)), queue.receive(60):
                raise error
    letters = queue.dead.get_many(3)
    assert [letter["item"] for letter in letters] == ["x"] * 3
    assert "OddError" in letters[0]["reason"]
    assert letters[2]["reason"] == "KeyboardInterrupt()"
