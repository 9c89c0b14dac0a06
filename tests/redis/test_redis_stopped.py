"""A server that is stopped for a while, as one that forks or is starved is: nobody notices but by the time it takes."""

from __future__ import annotations

import contextlib
import gc
import signal
import subprocess
import sys
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from harness.callers import InThread
from harness.subjects import CALLERS, PATIENT, Subject, blocked, until_blocked
from harness.until import PATIENCE_S, age, until
from harness.ways import WAYS

from tocsin import Bus, DataEvent, Empty, Event, Lock, Queue, Signal, Unreachable, WaitSet, wait_all, wait_any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from harness.servers import RedisServer

#: Longer than a server is given for an answer by who doesn't wait at all.
A_WHILE = 1.3


@contextlib.contextmanager
def stopped(server: RedisServer) -> Iterator[None]:
    server.signal(signal.SIGSTOP)
    try:
        yield
    finally:
        server.signal(signal.SIGCONT)


@pytest.mark.parametrize("caller", CALLERS)
def test_stopped_and_continued(durable: RedisServer, subject: Subject, caller: str) -> None:
    """It is waited for: nothing fails, and nothing is done twice."""
    place = durable.url(patience=PATIENT)
    with subject.open(place) as handle, subject.open(place) as other:
        wait = subject.start(handle, caller)
        until_blocked(durable, wait)
        with stopped(durable):
            change = InThread(lambda: subject.change(other))
            age(A_WHILE)
            assert not change.done()
            assert not wait.done()
        change.result()
        assert wait.result()
        assert subject.count(other) == 1


QUESTIONS: dict[str, tuple[Callable[[str], Any], Callable[[Any], Any]]] = {
    "is_set": (lambda at: Event("e", at=at), lambda event: event.is_set()),
    "generation": (lambda at: Event("e", at=at), lambda event: event.generation),
    "owner": (lambda at: Event("e", at=at), lambda event: event.owner),
    "stats": (lambda at: Event("e", at=at), lambda event: event.stats().generation),
    "fileno": (lambda at: Event("e", at=at), lambda event: event.fileno() >= 0),
    "count": (lambda at: Signal("s", at=at), lambda pulse: pulse.count),
    "version": (lambda at: DataEvent("d", at=at), lambda data: data.version),
    "latest": (lambda at: DataEvent("d", at=at), lambda data: data.latest(default=None)),
    "qsize": (lambda at: Queue("q", at=at), lambda queue: queue.qsize()),
    "full": (lambda at: Queue("q", at=at), lambda queue: queue.full()),
    "unfinished": (lambda at: Queue("q", at=at), lambda queue: queue.stats().unfinished),
    "locked": (lambda at: Lock("l", at=at), lambda lock: lock.locked()),
    "holder": (lambda at: Lock("l", at=at), lambda lock: lock.holder),
    "subscribers": (lambda at: Bus("b", at=at), lambda bus: bus.stats().subscribers),
}


def test_questions_are_answered_when_it_goes_on(durable: RedisServer) -> None:
    """Those that have no timeout: as long as one has patience."""
    place = durable.url(patience=PATIENT)
    with contextlib.ExitStack() as stack:
        asked: dict[str, Callable[[], Any]] = {}
        for name, (make, ask) in QUESTIONS.items():
            handle = stack.enter_context(contextlib.closing(make(place)))
            asked[name] = lambda ask=ask, handle=handle: ask(handle)
        before = {name: ask() for name, ask in asked.items()}
        with stopped(durable):
            answers = {name: InThread(ask) for name, ask in asked.items()}
            age(A_WHILE)
            assert [name for name, answer in answers.items() if answer.done() and name != "fileno"] == []
        assert {name: answer.result() for name, answer in answers.items()} == before


def test_who_looks_on_is_not_kept(durable: RedisServer) -> None:
    """`repr` is for people and for debuggers."""
    place = durable.url(patience=PATIENT)
    made: tuple[Callable[..., Any], ...] = (Event, Signal, DataEvent, Queue, Lock)
    with contextlib.ExitStack() as stack:
        handles = [stack.enter_context(contextlib.closing(kind("x" + kind.__name__, at=place))) for kind in made]
        bus = stack.enter_context(Bus("b", at=place))
        with stopped(durable):
            assert "0 handlers, 0 queued" in repr(bus)
            assert ["its server can't be reached" in repr(handle) for handle in handles] == [True] * len(made)
        assert ["its server can't be reached" in repr(handle) for handle in handles] == [False] * len(made)


WAITS: dict[str, tuple[Callable[[str], Any], Callable[[Any, float], Any]]] = {
    "event": (lambda at: Event("e", at=at), lambda event, t: event.wait(t)),
    "clear": (lambda at: Event("e", at=at), lambda event, t: event.wait_clear(t)),
    "signal": (lambda at: Signal("s", at=at), lambda pulse, t: pulse.wait(t)),
    "data": (lambda at: DataEvent("d", at=at), lambda data, t: data.wait(t)),
    "get": (lambda at: Queue("q", at=at), lambda queue, t: queue.get(timeout=t)),
    "receive": (lambda at: Queue("q", at=at), lambda queue, t: queue.receive(timeout=t)),
    "join": (lambda at: had_none(Queue("q", at=at)), lambda queue, t: queue.join(timeout=t)),
    "lock": (lambda at: Lock("l", at=at), lambda lock, t: lock.acquire(timeout=t)),
    "bus": (lambda at: Bus("b", at=at), lambda bus, t: bus.wait("x", timeout=t)),
    "bus that listens": (lambda at: listens(Bus("b", at=at)), lambda bus, t: bus.wait("x", timeout=t)),
}


def had_none(queue: Queue[Any]) -> Queue[Any]:
    """It has a connection by which it takes items, of which something may be left to be said."""
    with pytest.raises(Empty):
        queue.get(timeout=0.01)
    return queue


def listens(bus: Bus) -> Bus:
    bus.on("y")(print)
    return bus


def test_deadlines_hold(durable: RedisServer) -> None:
    """Whose patience would last for a day is told at his deadline, or soon after."""
    place = durable.url(patience=86400)
    with contextlib.ExitStack() as stack:
        waits: dict[str, Callable[[], Any]] = {}
        for name, (make, wait) in WAITS.items():
            handle = stack.enter_context(contextlib.closing(make(place)))
            waits[name] = lambda wait=wait, handle=handle: wait(handle, A_WHILE)
        for name, way in WAYS.items():
            many = [stack.enter_context(contextlib.closing(make(place))) for make, _ in list(WAITS.values())[:8]]
            waits[name] = lambda way=way, many=many: way(*many, timeout=A_WHILE)
        with stopped(durable):
            begun = {name: InThread(wait) for name, wait in waits.items()}
            for wait in begun.values():
                with pytest.raises(Unreachable, match="can't be reached"):
                    wait.result()


def test_who_was_told_is_not_kept(durable: RedisServer) -> None:
    """What is remembered of a silent server is a text, not the error, which would hold all who have raised it."""
    place = durable.url(patience=PATIENT)
    gc.disable()
    try:
        with Event("y", at=place) as other, WaitSet([other]) as made:
            event: Event | None = Event("x", at=place)
            gone = weakref.ref(event)
            with stopped(durable):
                for wait in (made.wait, event.wait, lambda timeout, event=event: wait_any(event, timeout=timeout)):
                    with contextlib.suppress(Unreachable):
                        wait(timeout=A_WHILE)
                event = wait = None  # type: ignore[assignment]
                assert gone() is None
    finally:
        gc.enable()


# -- waits for many


@pytest.mark.parametrize("name", WAYS)
def test_waits_for_many_begin_at_a_stopped_server(durable: RedisServer, name: str) -> None:
    place = durable.url(patience=PATIENT)
    with Event("x", at=place) as event, Event("x", at=place) as other, Queue[int]("q", at=place) as queue:
        other.set()
        queue.put(1)
        with stopped(durable):
            wait = InThread(lambda: WAYS[name](event, queue, timeout=None))
            age(A_WHILE)
            assert not wait.done()
        assert wait.result() is True or set(wait.result()) <= {event, queue}


@pytest.mark.parametrize("kind", [Queue, Lock])
def test_who_waits_for_many_and_has_to_look_while_it_is_stopped(durable: RedisServer, kind: Callable[..., Any]) -> None:
    """Somebody has the lock, or an item, and is asked after each second."""
    place = durable.url(patience=PATIENT)
    with contextlib.closing(kind("x", at=place)) as one, contextlib.closing(kind("x", at=place)) as other:
        if kind is Queue:
            one.put(0)
            held = one.receive()
        else:
            assert one.acquire()
        wait = InThread(lambda: wait_any(other))
        until(lambda: blocked(durable) or wait.done(), "it waits")
        with stopped(durable):
            age(2 * A_WHILE)
            assert not wait.done()
        if kind is Queue:
            held.nack()
        else:
            one.release()
        assert wait.result() == [other]


def test_what_is_on_this_host_needs_no_server(durable: RedisServer, tmp_path: Any) -> None:
    """It is ready, though the server of the others is stopped: before the wait, and in its midst."""
    place = durable.url(patience=PATIENT)
    with Event("x", at=place) as event, Queue[int]("q", at=place) as queue, Event("y", at=tmp_path) as here:
        with stopped(durable):
            wait = InThread(lambda: wait_any(event, queue, here))
            age(A_WHILE)
            assert not wait.done()
            here.set()
            assert wait.result() == [here]
            assert wait_any(event, queue, here) == [here]
            with WaitSet([event, queue, here]) as made:
                assert made.wait() == [here]


def test_who_has_no_time_is_told(durable: RedisServer) -> None:
    """With a timeout of 0 there is no "nothing is ready" of a server that says nothing."""
    place = durable.url(patience=PATIENT)
    with Event("x", at=place) as event, WaitSet([event]) as made:
        assert made.wait(0) == wait_any(event, timeout=0) == []
        assert wait_all(event, timeout=0) is False
        with stopped(durable):
            age(A_WHILE)  # of what was heard within a second it is sure
            for call in (lambda: made.wait(0), lambda: wait_any(event, timeout=0), lambda: wait_all(event, timeout=0)):
                with pytest.raises(Unreachable, match="can't be reached"):
                    call()
        until(lambda: not_unreachable(made), "it is reached again")
        event.set()
        assert made.wait() == [event]


def not_unreachable(made: WaitSet) -> bool:
    with contextlib.suppress(Unreachable):
        return made.wait(0) == []
    return False


def test_patience_ends(durable: RedisServer) -> None:
    """Of who waits for many, without a timeout, at a server that stays stopped."""
    with Event("x", at=durable.url(patience=1.5)) as event:
        with stopped(durable), pytest.raises(Unreachable, match="can't be reached"):
            wait_any(event)
        event.set()
        assert wait_any(event) == [event]


def test_a_pool_of_commands_goes_on(durable: RedisServer) -> None:
    """It looks each second whether another still has his item."""
    place = durable.url(patience=PATIENT)
    with Queue[int]("q", at=place) as queue:
        queue.put_many([1, 2])
        held = queue.receive()
        command = [Path(sys.executable).parent / "tocsin", "work", "q", "--until-empty", "--at", place, "--", "cat"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as worker:
            until(lambda: queue.stats().unfinished == 1 or worker.poll() is not None, "it has done the other")
            with stopped(durable):
                age(2 * A_WHILE)
                assert worker.poll() is None
            held.nack()
            assert worker.communicate(timeout=PATIENCE_S) == ("2\n1\n", "")
            assert worker.returncode == 0
