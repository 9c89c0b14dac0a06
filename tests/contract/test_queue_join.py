"""join and task_done, across processes: nobody who dies can hang a join."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

import pytest
from harness.child import Child

from tocsin import Empty, Queue

if TYPE_CHECKING:
    from harness.callers import Caller

WORKER = "queue = tocsin.Queue('q', at=sys.argv[1])\n"


def test_a_join_of_nothing(caller: Caller, either_queue: Queue[Any]) -> None:
    assert caller.do(either_queue, "join") is True
    assert caller.do(either_queue, "join", 0) is True


def test_a_join_waits_for_every_task(caller: Caller, either_queue: Queue[Any]) -> None:
    either_queue.put_many([1, 2])
    assert either_queue.unfinished_tasks == 2
    assert caller.do(either_queue, "join", 0) is False
    assert caller.do(either_queue, "join", -1) is False
    assert caller.do(either_queue, "join", 0.01) is False
    join = caller.asleep(either_queue, "join")
    either_queue.get()
    either_queue.task_done()
    either_queue.get()
    assert not join.done()
    either_queue.task_done()
    assert join.result() is True
    assert either_queue.unfinished_tasks == 0


def test_once_too_often(caller: Caller, either_queue: Queue[Any]) -> None:
    with pytest.raises(ValueError, match="too many times"):
        caller.do(either_queue, "task_done")
    either_queue.put(1)
    with either_queue.receive():
        pass
    with pytest.raises(ValueError, match=r"leave it out after receive\(\)"):
        either_queue.task_done()
    either_queue.put(1)
    either_queue.get()
    either_queue.task_done()
    with pytest.raises(ValueError, match="too many times"):
        either_queue.task_done()


def test_an_ack_is_a_task_done(caller: Caller, either_queue: Queue[Any]) -> None:
    either_queue.put(1)
    join = caller.asleep(either_queue, "join")
    with either_queue.receive():
        assert not join.done()
    assert join.result() is True


def test_what_came_back_is_unfinished(either_queue: Queue[Any]) -> None:
    either_queue.put(1)
    either_queue.receive().nack()
    assert not either_queue.join(0)
    either_queue.receive(60).ack()
    assert either_queue.join(0)


def test_another_process_does_the_work(queue: Queue[Any], place: str, thread: Caller) -> None:
    queue.put_many(list(range(10)))
    join = thread.asleep(queue, "join")
    with Child(WORKER + "for _ in range(10): queue.get(); queue.task_done()\nsay('done')", place) as child:
        assert child.hear() == "done"
        assert join.result() is True
        child.check()


@pytest.mark.parametrize("how", ["killed", "ended"])
def test_a_worker_that_dies_is_subtracted(queue: Queue[Any], place: str, here: Caller, how: str) -> None:
    """Also when it had many, and others have reported theirs."""
    queue.put_many(list(range(10)))
    join = here.asleep(queue, "join")
    with Child(WORKER + "for _ in range(6): queue.get()\nqueue.task_done()\nsay('taken')\nhear()", place) as child:
        assert child.hear() == "taken"
        for _ in range(4):
            queue.get()
            queue.task_done()
        assert queue.unfinished_tasks == 5
        assert not join.done()
        child.signal(signal.SIGKILL) if how == "killed" else child.say()
        assert join.result() is True
        child.end()
    assert queue.unfinished_tasks == 0
    with pytest.raises(Empty):
        queue.get_nowait()


def test_a_worker_that_lives_is_waited_for(queue: Queue[Any], place: str) -> None:
    queue.put(1)
    with Child(WORKER + "queue.get()\nsay('taken')\nhear()\nqueue.task_done()\nsay('done')\nhear()", place) as child:
        assert child.hear() == "taken"
        assert queue.join(1.5) is False  # longer than it takes to look for the dead
        child.say()
        assert child.hear() == "done"
        assert queue.join(60)
        child.say()
        child.check()


def test_one_process_gets_and_another_reports(queue: Queue[Any], place: str) -> None:
    """As with multiprocessing.JoinableQueue."""
    queue.put(1)
    queue.get()
    with Child(WORKER + "queue.task_done()\nsay('reported')", place) as child:
        assert child.hear() == "reported"
        child.check()
    assert queue.join(0)
