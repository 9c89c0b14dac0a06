"""The log behind a named bus: every listener hears every emit once, in one order, wherever it is."""

from __future__ import annotations

import copy
import os
import pickle
from queue import Empty
from typing import TYPE_CHECKING, Any

import pytest
from harness.callers import Caller
from harness.child import Child
from harness.until import until

import tocsin
from tocsin import ConfigMismatch, Lagged, MessageTooLarge, ObjectRemoved, WaitCancelled, WrongKind
from tocsin._topic import Topic

if TYPE_CHECKING:
    from collections.abc import Iterator

LEAST = 32 << 10


@pytest.fixture(params=["named", "anonymous"])
def topic(request: pytest.FixtureRequest, place: str) -> Iterator[Topic]:
    """One that listens, once named and once anonymous."""
    with Topic("x", at=place, replay=0) if request.param == "named" else Topic(replay=0) as made:
        yield made


def until_heard_by(topic: Topic, listeners: int) -> None:
    """A copy in another process begins to listen there, and may sleep before it has begun."""
    until(lambda: topic.subscribers == listeners, "all listen")


def test_an_emit_wakes_every_kind_of_listener(caller: Caller, topic: Topic) -> None:
    wait = caller.asleep(topic, "read")
    until_heard_by(topic, 1 + (caller.kind == "process"))
    assert topic.emit(b"hello") == 1
    assert wait.result() == (1, b"hello")


def test_every_kind_of_caller_emits(caller: Caller, thread: Caller, topic: Topic) -> None:
    wait = thread.asleep(topic, "read_many", 10)
    assert caller.do(topic, "emit", b"hello") == 1
    assert wait.result() == [(1, b"hello")]


def test_every_kind_of_caller_reads_many(caller: Caller, topic: Topic) -> None:
    wait = caller.asleep(topic, "read_many", 10)
    until_heard_by(topic, 1 + (caller.kind == "process"))
    assert topic.emit_many([b"a", b"b"]) == 2
    found = wait.result()
    assert found in ([(1, b"a")], [(1, b"a"), (2, b"b")])


def test_one_emitter_many_listeners(place: str) -> None:
    callers = [Caller(kind) for kind in ("thread", "asyncio", "uvloop", "trio", "process")]
    with Topic("x", at=place) as emitter:
        handles = [Topic("x", at=place, replay=0) for _ in callers]
        waits = [caller.asleep(handle, "read") for caller, handle in zip(callers, handles, strict=True)]
        until_heard_by(emitter, len(callers) + 1)  # the one of the other process is a copy
        emitter.emit(b"to all")
        assert [wait.result() for wait in waits] == [(1, b"to all")] * len(callers)
        for caller, handle in zip(callers, handles, strict=True):
            caller.finish()
            handle.close()


def test_each_handle_has_a_cursor(place: str) -> None:
    with Topic("x", at=place) as emitter, Topic("x", at=place, replay=0) as one:
        assert emitter.cursor is None
        emitter.emit_many([b"1", b"2", b"3"])
        with Topic("x", at=place, replay=2) as late, Topic("x", at=place, replay=0) as latest:
            assert (one.cursor, late.cursor, latest.cursor, one.head) == (0, 1, 3, 3)
            assert [late.read(0), late.read(0)] == [(2, b"2"), (3, b"3")]
            assert one.read_many(2, 0) == [(1, b"1"), (2, b"2")]
            assert one.stats().behind == 1
            assert emitter.subscribers == 3
            with pytest.raises(Empty):
                latest.read(0)
        assert emitter.subscribers == 1
        with pytest.raises(ValueError, match=r"does not listen: call listen\(\)"):
            emitter.read(0)
        emitter.listen(1)
        assert emitter.read(0) == (3, b"3")


def test_what_is_too_much_is_lost_and_counted(place: str) -> None:
    with Topic("x", at=place, max_bytes=LEAST, replay=0) as slow, Topic("x", at=place) as emitter:
        emitter.emit_many([b"%d" % n * 100 for n in range(1, 1001)])
        oldest = slow.stats().oldest
        assert 1 < oldest < 1001
        with pytest.raises(Lagged) as lagged:
            slow.read()
        assert lagged.value.missed == oldest - 1
        assert slow.read() == (oldest, b"%d" % oldest * 100)
        assert slow.stats().file_bytes <= LEAST
        with Topic("x", at=place, replay=10**6) as all_of_it:
            assert all_of_it.read() == (oldest, b"%d" % oldest * 100)


def test_payloads_of_every_size(topic: Topic) -> None:
    for size in (0, 1, 60, 8192, 8193, 70_000, 1 << 20):
        payload = os.urandom(size)
        topic.emit(payload)
        number, found = topic.read(0)
        assert found == payload
        topic.emit_many([payload, b"small"])
        rest: list[tuple[int, bytes]] = []
        while topic.stats().behind:
            rest += topic.read_many(10, 0)
        assert rest == [(number + 1, payload), (number + 2, b"small")]


def test_an_iteration_ends_when_it_is_cancelled(topic: Topic, thread: Caller) -> None:
    topic.emit_many([b"a", b"b"])
    steps = iter(topic)
    assert [next(steps), next(steps)] == [(1, b"a"), (2, b"b")]
    wait = thread.asleep(topic, "read")
    topic.cancel()
    with pytest.raises(WaitCancelled):
        wait.result()
    assert list(topic) == []


def test_who_is_asleep_hears_of_the_end(here: Caller, place: str) -> None:
    with Topic("x", at=place, replay=0) as topic:
        wait = here.asleep(topic, "read")
        Topic("x", at=place).unlink()
        with pytest.raises(ObjectRemoved, match="'x' at"):
            wait.result()
        with pytest.raises(ObjectRemoved):
            topic.emit(b"")
    topic = Topic("y", at=place, replay=0)
    wait = here.asleep(topic, "read")
    topic.close()
    with pytest.raises(ValueError, match="was closed"):
        wait.result()


@pytest.mark.parametrize("timeout", [0, 0.01])
def test_nothing_in_time(caller: Caller, topic: Topic, timeout: float) -> None:
    with pytest.raises(Empty):
        caller.do(topic, "read", timeout)
    with pytest.raises(Empty):
        caller.do(topic, "read_many", 5, timeout)
    with pytest.raises(ValueError, match="non-negative"):
        topic.read(-1)


def test_what_is_fixed_and_what_is_wrong(place: str) -> None:
    with Topic("x", at=place, max_bytes=LEAST) as topic:
        assert (topic.stats().max_bytes, Topic("x", at=place).stats().max_bytes) == (LEAST, LEAST)
        with pytest.raises(ConfigMismatch, match="max_bytes"):
            Topic("x", at=place, max_bytes=LEAST + 1)
        with pytest.raises(WrongKind):
            tocsin.Event("x", at=place)
        with pytest.raises(MessageTooLarge, match="max_bytes"):
            topic.emit(bytes(LEAST))
        with pytest.raises(MessageTooLarge):
            topic.emit_many([b"", bytes(LEAST)])
        assert topic.head == 0
    wrong: Any
    for wrong in ({"max_bytes": LEAST - 1}, {"replay": -1}, {"replay": True}):
        with pytest.raises(ValueError, match="bad"):
            Topic("y", at=place, **wrong)
    with pytest.raises(FileNotFoundError):
        Topic("y", at=place, create=False)
    with Topic("x", at=place) as topic, pytest.raises(TypeError):
        topic.emit("text")  # type: ignore[arg-type]


def test_a_copy_listens_for_itself(place: str) -> None:
    with Topic("x", at=place, replay=1) as topic:
        topic.emit(b"before")
        for copied in (pickle.loads(pickle.dumps(topic)), copy.copy(topic)):
            with copied:
                assert copied.read(0) == (1, b"before")
        with pickle.loads(pickle.dumps(Topic("x", at=place))) as emitter:
            assert emitter.cursor is None


def test_a_forked_child_goes_on_from_there(topic: Topic) -> None:
    topic.emit_many([b"1", b"2"])
    topic.read(0)
    pid = os.fork()
    if pid == 0:
        sound = topic.read(0) == (2, b"2") and topic.subscribers == 2 and topic.emit(b"child") == 3
        os._exit(0 if sound else 1)
    assert os.waitpid(pid, 0)[1] == 0
    assert topic.read_many(10, 0) == [(2, b"2"), (3, b"child")]
    until(lambda: topic.subscribers == 1, "the child counts no more")


def test_the_dead_do_not_count(place: str) -> None:
    script = "from tocsin._topic import Topic\nt = Topic('x', at=sys.argv[1], replay=0)\nsay('ready')\nt.read()"
    with Topic("x", at=place) as topic, Child(script, place) as child:
        child.hear()
        assert topic.subscribers == 1
        child.kill()
        until(lambda: topic.subscribers == 0, "the dead one is gone")
