"""Who a queue outlives, and what is left of it: unlink, pickles, children, forks."""

from __future__ import annotations

import copy
import multiprocessing
import pickle
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from harness.child import Child
from harness.until import PATIENCE_S

import tocsin
from tocsin import ObjectRemoved, Queue

if TYPE_CHECKING:
    from harness.callers import Caller


class Job(msgspec.Struct):
    id: int


def left_in(place: str) -> list[str]:
    """The files of a place, without the one in which the living are registered."""
    return [path.name for path in Path(place).iterdir() if path.name != ".tocsin.owners"]


def test_unlink_while_somebody_waits(caller: Caller, queue: Queue[Any], place: str) -> None:
    waits = [caller.asleep(queue, "get") for _ in range(2)]
    queue.unlink()
    for wait in waits:
        with pytest.raises(ObjectRemoved):
            wait.result()
    for call in (lambda: queue.put(1), queue.get, lambda: queue.put_many([1])):
        with pytest.raises(ObjectRemoved):
            call()
    if queue.path is not None:
        assert left_in(place) == []


@pytest.mark.local("files")
def test_unlink_leaves_no_file(place: str) -> None:
    with Queue("q", at=place) as queue:
        queue.put_many(["x" * 1_000] * 2_000)
        queue.fileno()
        assert len(list(Path(place).iterdir())) > 2
        tocsin.unlink("q", at=place)
    assert left_in(place) == []


def test_made_anew_after_unlink(place: str) -> None:
    with Queue("q", at=place) as old:
        old.put("old")
        old.unlink()
        with Queue("q", at=place, maxsize=1) as new:
            assert new.empty()
            new.put("new")
            assert new.get() == "new"


def test_it_outlives_everybody(place: str) -> None:
    """Also a process that was killed in the middle."""
    script = "q = tocsin.Queue('q', at=sys.argv[1])\nq.put_many(list(range(5000)))\nsay('in')\nhear()"
    with Child(script, place) as child:
        assert child.hear() == "in"
        child.kill()
    with Queue("q", at=place) as queue:
        assert queue.get() == 0
        assert queue.qsize() == 4_999
    with Queue("q", at=place) as queue:
        assert queue.get_many(5_000) == list(range(1, 5_000))


def double(source: Queue[int], sink: Queue[int]) -> None:
    """Runs in the child."""
    for item in source:
        sink.put(2 * item)


@pytest.mark.parametrize("method", ["spawn", "forkserver", "fork"])
@pytest.mark.parametrize("kind", ["named", "anonymous"])
def test_handed_to_children(method: str, kind: str, place: str) -> None:
    context = multiprocessing.get_context(method)
    make = (lambda name: Queue(name, at=place)) if kind == "named" else (lambda _: Queue())
    with make("a") as source, make("b") as sink:
        child = context.Process(target=double, args=(source, sink), daemon=True)
        child.start()
        source.put_many([1, 2, 3])
        source.shutdown()
        assert [sink.get(timeout=PATIENCE_S) for _ in range(3)] == [2, 4, 6]
        child.join(PATIENCE_S)
        assert child.exitcode == 0


def test_a_pickle_carries_the_type(place: str) -> None:
    with Queue("q", at=place, type=Job, maxsize=3) as queue, pickle.loads(pickle.dumps(queue)) as other:
        queue.put(Job(1))
        assert other.get() == Job(1)
        assert (other.path, other.maxsize) == (queue.path, 3)
    with Queue() as queue, pytest.raises(TypeError, match="give it a name"):
        pickle.dumps(queue)


@pytest.mark.parametrize("make", [copy.copy, copy.deepcopy])
def test_copies_are_handles_of_the_same_object(queue: Queue[Any], make: Any) -> None:
    with make(queue) as other:
        other.put(1)
        assert queue.get() == 1


@pytest.mark.parametrize("kind", ["named", "anonymous"])
def test_fork(kind: str, place: str) -> None:
    script = """
from harness.asleep import until_asleep
q, r = [tocsin.Queue(n, at=sys.argv[1]) if sys.argv[1] else tocsin.Queue() for n in 'qr']
q.fileno()
q.put('before')
pid = os.fork()
if pid == 0:
    try:
        assert q.get(timeout=60) == 'before'
        q.task_done()
        r.put('from the child')
        q.get()  # sleeps, and is killed in it
    finally:
        os._exit(1)
assert r.get(timeout=60) == 'from the child'
until_asleep(pid)
os.kill(pid, signal.SIGKILL)
os.waitpid(pid, 0)
q.put('after')
assert q.get(timeout=60) == 'after'
"""
    with Child(script, place if kind == "named" else "") as child:
        child.check()
