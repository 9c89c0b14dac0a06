"""A queue as an object: what it tells, its options, its descriptor, and what is refused."""

from __future__ import annotations

import pickle
import select
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from harness.child import Child
from harness.until import PATIENCE_S

from tocsin import ConfigMismatch, Empty, Event, Queue, WrongKind

if TYPE_CHECKING:
    from harness.callers import Caller


class Job(msgspec.Struct):
    id: int


class Jobs(Queue[Job]):
    pass


def test_what_it_tells(place: str) -> None:
    with Queue("jobs/a", at=place, maxsize=3, max_bytes=1_000, max_deliveries=2) as queue:
        queue.put_many(["a", "b", "c"])
        held = queue.receive()
        stats = queue.stats()
        assert (stats.name, stats.at, stats.kind) == ("jobs/a", place, "queue")
        assert (stats.ready, stats.held, stats.delayed, stats.unfinished, stats.puts) == (2, 1, 0, 3, 3)
        assert (stats.maxsize, stats.max_bytes, stats.max_deliveries) == (3, 1_000, 2)
        assert (stats.codec, stats.durable, stats.is_shutdown, stats.removed) == ("json", False, False, False)
        if queue.path is not None:
            assert queue.path == f"{place}/jobs/a"
            assert stats.segments >= 1
            assert stats.bytes == 6
        else:  # a server counts what is in hand, too
            assert stats.bytes == 9
        assert (queue.name, queue.at, queue.path) == (stats.name, stats.at, stats.path)
        assert repr(queue) == f"<tocsin.Queue 'jobs/a' at '{place}': open, 2 ready, 1 held>"
        held.nack(60)
        assert "1 delayed" in repr(queue)
        queue.shutdown()
        assert "shut down" in repr(queue)
    assert "closed" in repr(queue)


def test_it_is_truthy_hashable_and_weakly_referable(queue: Queue[Any]) -> None:
    assert queue
    assert hash(queue) == hash(queue)
    assert weakref.ref(queue)() is queue


def test_generic_at_run_time(place: str) -> None:
    assert Queue[Job] is not Queue
    with Queue[int]("q", at=place) as queue:
        queue.put(1)

    with Jobs("j", at=place, type=Job) as jobs:
        jobs.put(Job(1))
        assert pickle.loads(pickle.dumps(jobs)).get() == Job(1)


@pytest.mark.parametrize(
    "option", [{"maxsize": 5}, {"max_bytes": 100}, {"max_deliveries": 1}, {"codec": "raw"}, {"mode": 0o640}]
)
def test_another_option_is_a_mismatch(place: str, option: dict[str, Any]) -> None:
    with Queue("q", at=place) as queue:
        with pytest.raises(ConfigMismatch, match="'q' at") as caught:
            Queue("q", at=place, **option)
        if "mode" not in option:
            assert next(iter(option)) in "".join(caught.value.__notes__)
        with Queue("q", at=place) as other:
            other.put(1)
        assert queue.get() == 1


def test_the_same_options_are_none(place: str) -> None:
    options = {"maxsize": 5, "max_bytes": 100, "max_deliveries": 1, "codec": "json", "durable": False, "mode": 0o600}
    with Queue("q", at=place, **options), Queue("q", at=place, **options), Queue("q", at=place) as third:
        assert third.maxsize == 5


@pytest.mark.parametrize("what", ["maxsize", "max_bytes", "max_deliveries"])
def test_bad_numbers(place: str, what: str) -> None:
    for wrong, error in (
        (-1, ValueError),
        (1 << 70, ValueError),
        (1.5, TypeError),
        ("3", TypeError),
        (True, TypeError),
    ):
        with pytest.raises(error, match=what):
            Queue("q", at=place, **{what: wrong})
    assert not Path(place, "q").exists()


@pytest.mark.local("modes are of files")
def test_every_file_has_the_mode(place: str) -> None:
    with Queue("q", at=place, mode=0o640) as queue:
        queue.put_many(["x" * 1_000] * 1_000)
        queue.fileno()
        modes = {path.name: path.stat().st_mode & 0o777 for path in Path(place).iterdir() if "q" in path.name}
        assert len(modes) > 2
        assert set(modes.values()) == {0o640}, modes
        assert queue.stats().mode == 0o640


def test_create_false(place: str) -> None:
    with pytest.raises(FileNotFoundError):
        Queue("q", at=place, create=False)
    with Queue("q", at=place), Queue("q", at=place, create=False) as other:
        other.put(1)


def test_one_name_is_one_object(place: str) -> None:
    with Queue("q", at=place), pytest.raises(WrongKind):
        Event("q", at=place)
    with Event("e", at=place), pytest.raises(WrongKind):
        Queue("e", at=place)
    with pytest.raises(WrongKind):
        Queue("q/inside", at=place)


def test_after_close(queue: Queue[Any]) -> None:
    queue.close()
    queue.close()
    calls = [lambda: queue.put(1), queue.get, queue.qsize, queue.receive, queue.stats, queue.fileno, queue.peek]
    for call in (*calls, queue.task_done, queue.purge, queue.shutdown, queue.join, lambda: queue.put_many([1])):
        with pytest.raises(ValueError, match="closed"):
            call()


def test_close_ends_those_who_wait(here: Caller, queue: Queue[Any]) -> None:
    waits = [here.asleep(queue, "get"), here.asleep(queue, "receive")]
    queue.close()
    for wait in waits:
        with pytest.raises(ValueError, match="closed"):
            wait.result()


def test_the_descriptor(either_queue: Queue[Any]) -> None:
    fd = either_queue.fileno()
    assert fd == either_queue.fileno()

    def ready(timeout: float = 0) -> bool:
        return bool(select.select([either_queue], [], [], timeout)[0])

    assert not ready()
    either_queue.put(1)
    assert ready(PATIENCE_S)
    either_queue.put(2)
    assert either_queue.get() == 1
    assert ready(PATIENCE_S)
    assert either_queue.get() == 2
    with pytest.raises(Empty):
        either_queue.get_nowait()  # a look that finds nothing consumes the edge
    assert not ready()
    either_queue.shutdown()
    assert ready(PATIENCE_S)


def test_the_descriptor_of_another_process(queue: Queue[Any], place: str) -> None:
    script = """
import select
q = tocsin.Queue('q', at=sys.argv[1])
q.fileno()
say('listening')
assert select.select([q], [], [], 60)[0]
say(q.get_nowait())
"""
    with Child(script, place) as child:
        assert child.hear() == "listening"
        queue.put("x")
        assert child.hear() == "x"
        child.check()
