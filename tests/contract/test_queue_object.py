"""A queue as an object: names, options, handles, pickles, forks, files, and what happens when something is wrong."""

from __future__ import annotations

import copy
import multiprocessing
import pickle
import select
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from harness.child import Child
from harness.until import PATIENCE_S

import tocsin
from tocsin import ConfigMismatch, Empty, Event, ObjectDamaged, ObjectRemoved, Queue, WrongKind

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
        assert (stats.name, stats.at, stats.path, stats.kind) == ("jobs/a", place, f"{place}/jobs/a", "queue")
        assert (stats.ready, stats.held, stats.delayed, stats.unfinished, stats.puts) == (2, 1, 0, 3, 3)
        assert (stats.maxsize, stats.max_bytes, stats.max_deliveries) == (3, 1_000, 2)
        assert (stats.codec, stats.durable, stats.is_shutdown, stats.removed) == ("json", False, False, False)
        assert stats.segments >= 1
        assert stats.bytes == 6
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
    assert left_in(place) == []


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


@pytest.fixture
def small_disk(place: str) -> Any:
    import os
    import subprocess

    if os.geteuid() != 0:
        pytest.skip("mounting a small RAM disk needs root: run the tests as root")
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tocsin", place], capture_output=True, check=False)
    if done.returncode:
        pytest.skip(f"this root may not mount a RAM disk: {done.stderr.decode().strip()}")
    yield place
    subprocess.run(["umount", "--lazy", place], check=True)  # this process stays registered there


def test_a_full_disk(small_disk: str) -> None:
    with Queue("q", at=small_disk) as queue:
        put = 0
        with pytest.raises(OSError, match="space"):  # noqa: PT012
            for put in range(10_000):
                queue.put([put, "x" * 1_000])
        assert put > 100
        with pytest.raises(OSError, match="space"):
            queue.put("y" * 1_000_000)
        assert queue.qsize() == put
        assert [item[0] for item in (queue.get() for _ in range(put))] == list(range(put))
        queue.put("room again")
        assert queue.get() == "room again"


def test_no_room_for_another_segment(place: str) -> None:
    """The same by a limit of the process, which needs no root: its files may not grow."""
    script = """
import errno, resource
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
q = tocsin.Queue('q', at=sys.argv[1])
q.put('x')
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, resource.RLIM_INFINITY))
put = 1
try:
    while True:
        q.put('x' * 1_000)
        put += 1
except OSError as error:
    assert error.errno == errno.EFBIG, error
assert q.qsize() == put
assert len([q.get() for _ in range(put)]) == put
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
q.put('more room')
assert q.get() == 'more room'
"""
    with Child(script, place) as child:
        child.check()


def test_items_that_were_damaged(place: str) -> None:
    """Said once, and the others are still got."""
    with Queue("q", at=place) as queue:
        queue.put_many([{"number": number, "pad": "x" * 50} for number in range(10)])
        (segment,) = [path for path in Path(place).glob(".q.*") if b'"number":5' in path.read_bytes()]
        content = segment.read_bytes()
        with segment.open("r+b") as file:
            file.seek(content.index(b'"number":5') + 8)
            file.write(b"X")
        found, said = [], []
        while True:
            try:
                found.append(queue.get(block=False)["number"])
            except ObjectDamaged as error:
                said.append(str(error))
            except Empty:
                break
        assert found == [0, 1, 2, 3, 4, 6, 7, 8, 9]
        assert len(said) == 1
        assert "1 of its items" in said[0]
        queue.put("next")
        assert queue.get() == "next"
