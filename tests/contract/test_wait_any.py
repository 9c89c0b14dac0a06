"""wait_any and WaitSet.wait, by every kind of caller and over every kind of object."""

from __future__ import annotations

import multiprocessing
import os
import select
import signal as signals
import socket
import threading
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from harness.callers import LOOPS, RUN, InThread
from harness.child import Child
from harness.many import Many

from tocsin import DataEvent, Event, Lock, Queue, Signal, wait_all, wait_any, wait_any_async

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.callers import Caller

#: Each kind: how to make one (a name or None), and what makes it ready.
KINDS: dict[str, tuple[Callable[..., Any], Callable[[Any], object]]] = {
    "event": (Event, lambda one: one.set()),
    "signal": (Signal, lambda one: one.signal()),
    "data": (DataEvent, lambda one: one.signal({"a": 1})),
    "queue": (Queue, lambda one: one.put(1)),
    "queue that is shut down": (Queue, lambda one: one.shutdown()),
}
BOTH = ["any", "set"]


@pytest.mark.parametrize("how", BOTH)
@pytest.mark.parametrize("kind", KINDS)
def test_it_wakes_for_each_kind(caller: Caller, place: str, kind: str, how: str) -> None:
    make, ready = KINDS[kind]
    with Event("never", at=place) as never, make("x", at=place) as one:
        wait = caller.asleep(Many(never, one), how)
        ready(one)
        assert wait.result() == [1]


@pytest.mark.parametrize("kind", KINDS)
def test_anonymous_objects(here: Caller, kind: str) -> None:
    make, ready = KINDS[kind]
    with Event() as never, make() as one:
        wait = here.asleep(Many(one, never), "any")
        ready(one)
        assert wait.result() == [0]


@pytest.mark.parametrize("how", BOTH)
def test_a_lock_is_ready_when_it_is_free(caller: Caller, place: str, how: str) -> None:
    with closing(Lock("l", at=place)) as held, closing(Lock("l", at=place)) as other:
        held.acquire()
        wait = caller.asleep(Many(other), how)
        held.release()
        assert wait.result() == [0]
        assert not other.locked(), "nothing was taken"


@pytest.mark.parametrize("how", BOTH)
@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_consumed(here: Caller, place: str, kind: str, how: str) -> None:
    make, ready = KINDS[kind]
    with make("x", at=place) as one, Event("never", at=place) as never:
        many = Many(never, one)
        assert here.do(many, how, 0) == []
        ready(one)
        for _ in range(3):
            assert here.do(many, how, 0) == [1]


def test_what_is_there_is_still_there(place: str) -> None:
    with Signal("s", at=place) as one, DataEvent("d", at=place) as data, Queue("q", at=place) as queue:
        one.signal()
        data.signal(7)
        queue.put("x")
        assert wait_any(one, data, queue) == [one, data, queue]
        assert (one.wait(0), data.wait(0), queue.get_nowait()) == (1, 7, "x")
        assert wait_any(one, data, queue, timeout=0) == []


@pytest.mark.parametrize("how", BOTH)
def test_the_answer_is_in_order(here: Caller, place: str, how: str) -> None:
    events = [Event(f"e{i}", at=place) for i in range(40)]
    for i in (31, 7, 8, 39, 0):
        events[i].set()
    assert here.do(Many(*events), how) == [0, 7, 8, 31, 39]
    for one in events:
        one.set()
    assert here.do(Many(*events), how) == list(range(40))
    Many(*events).close()


def test_twice_the_same_is_twice_in_the_answer(event: Event) -> None:
    event.set()
    assert wait_any(event, event) == [event, event]
    assert wait_all(event, event)


@pytest.mark.parametrize("how", BOTH)
def test_a_pulse_after_the_start_counts(caller: Caller, place: str, how: str) -> None:
    with Event("a", at=place) as one, Event("b", at=place) as two:
        for _ in range(10):
            wait = caller.asleep(Many(one, two), how)
            two.set()
            two.clear()
            assert wait.result() == [1]


def test_a_pulse_before_the_start_does_not(place: str) -> None:
    with Event("a", at=place) as one, Event("b", at=place) as two:
        for _ in range(3):  # the second call for the same objects keeps what the first one made
            two.set()
            two.clear()
            assert wait_any(one, two, timeout=0) == []
            two.set()
            assert wait_any(one, two, timeout=0) == [two]
            two.clear()
            assert wait_any(one, two, timeout=0) == []


def test_the_same_objects_again_and_others_between(place: str) -> None:
    events = [Event(f"e{i}", at=place) for i in range(5)]
    for i in range(20):
        one = events[i % 5]
        one.set()
        assert wait_any(*events) == [one]
        if i % 3 == 0:
            assert wait_any(events[1], timeout=0) == [events[1]] * (one is events[1])
        one.clear()
        assert wait_any(*events, timeout=0) == []
    Many(*events).close()


def test_objects_that_go_are_not_kept(place: str) -> None:
    import gc
    import weakref

    events = [Event(f"e{i}", at=place) for i in range(3)]
    assert wait_any(*events, timeout=0) == []
    gone = [weakref.ref(one) for one in events]
    del events
    gc.collect()
    assert [ref() for ref in gone] == [None] * 3


@pytest.mark.parametrize("how", BOTH)
@pytest.mark.parametrize("timeout", [0, -1, 0.01])
def test_the_timeout(caller: Caller, event: Event, timeout: float, how: str) -> None:
    assert caller.do(Many(event), how, timeout) == []
    event.set()
    assert caller.do(Many(event), how, timeout) == [0]


# -- descriptors of others


def test_sockets_pipes_connections_and_sentinels(here: Caller, event: Event) -> None:
    ours, theirs = socket.socketpair()
    reads, writes = os.pipe()
    near, far = multiprocessing.Pipe()
    with Child("hear()") as child, ours, theirs, near, far:
        pidfd = os.pidfd_open(child.pid)
        many = Many(event, ours, reads, near, pidfd)
        makers: list[tuple[Callable[[], object], Callable[[], object]]] = [
            (lambda: theirs.send(b"x"), lambda: ours.recv(1)),
            (lambda: os.write(writes, b"x"), lambda: os.read(reads, 1)),
            (lambda: far.send("x"), near.recv),
        ]
        for place, (ready, take) in enumerate(makers, 1):
            wait = here.asleep(many, "any")
            ready()
            assert wait.result() == [place]
            take()
        wait = here.asleep(many, "any")
        child.kill()
        assert wait.result() == [4]
        event.set()
        assert wait_any(pidfd, event) == [pidfd, event]
        for fd in (reads, writes, pidfd):
            os.close(fd)


def test_one_descriptor_in_two_shapes(here: Caller) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.send(b"x")
        assert here.do(Many(ours, ours.fileno(), ours), "any") == [0, 1, 2]


def test_a_closed_number_that_is_anothers_by_now(event: Event) -> None:
    """Nothing of a stranger's descriptor is kept from one call to the next."""
    for _ in range(3):
        reads, writes = os.pipe()
        assert wait_any(event, reads, timeout=0) == []
        os.write(writes, b"x")
        assert wait_any(event, reads) == [reads]
        os.close(reads)
        os.close(writes)


# -- wrong


def test_seconds_without_their_name(event: Event) -> None:
    with pytest.raises(TypeError, match=r"argument 2 is a float, .*timeout=0\.5"):
        wait_any(event, 0.5)


@pytest.mark.parametrize("wrong", [None, True, 1.5, "x", b"x", [], (), {}, object(), threading.Event(), Event, -1.0])
def test_what_nobody_can_wait_for(event: Event, wrong: Any) -> None:
    for wait in (wait_any, wait_all):
        with pytest.raises(TypeError, match=f"argument 2 is an? .*{type(wrong).__name__}"):
            wait(event, wrong, timeout=0)


def test_bad_descriptors(event: Event) -> None:
    with pytest.raises(ValueError, match="argument 2 is -1"):
        wait_any(event, -1)
    reads, writes = os.pipe()
    os.close(reads)
    os.close(writes)
    with pytest.raises(ValueError, match=f"{reads} is not open"):
        wait_any(event, reads)
    ours, theirs = socket.socketpair()
    theirs.close()
    ours.close()
    with pytest.raises(ValueError, match=r"argument 1 is closed: .*socket"):
        wait_any(ours)
    with open(__file__) as file:
        for wait in (wait_any, wait_all):
            with pytest.raises(ValueError, match="always ready"):
                wait(event, file)


def test_a_closed_object(event: Event, place: str) -> None:
    other = Event("other", at=place)
    other.close()
    for wait in (wait_any, wait_all):
        with pytest.raises(ValueError, match=r"'other'.* closed"):
            wait(event, other)


def test_nothing_to_wait_for() -> None:
    assert wait_any(timeout=0) == []
    assert wait_any(timeout=0.001) == []
    with pytest.raises(ValueError, match="nothing to wait for"):
        wait_any()
    assert wait_all()


def test_no_descriptor_left(place: str) -> None:
    """A clear error, and nothing half done: the next call works."""
    with Child(
        f"""
        import resource
        from tocsin import WaitSet, wait_any
        events = [Event(f"e{{i}}", at={place!r}) for i in range(50)]
        more = Event("more", at={place!r})
        used = len(os.listdir("/proc/self/fd"))
        for limit in range(used - 1, used + 54 * (3 if more.is_far else 1)):  # a connection, and what hears of it
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, 4096))
            try:
                kept = WaitSet(events)
            except OSError as error:
                assert error.errno == 24, error
            else:
                break
        resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
        resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/proc/self/fd")) - 1, 4096))
        try:
            kept.add(more)
        except OSError as error:
            assert error.errno == 24, error
        else:
            raise AssertionError("there was one left")
        assert len(kept) == 50 and more not in kept
        resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
        events[40].set()
        assert kept.wait() == [events[40]]
        kept.add(more)
        more.set()
        assert kept.wait() == [events[40], more]
        say("done")
        """
    ) as child:
        assert child.hear() == "done"


# -- loops, signals


@pytest.mark.parametrize("loop", ["asyncio", "trio"])
def test_blocking_in_a_running_loop_warns_and_names_the_twin(event: Event, loop: str) -> None:
    async def main() -> None:
        for wait, twin in ((wait_any, "wait_any_async"), (wait_all, "wait_all_async")):
            with pytest.warns(RuntimeWarning, match=twin) as caught:
                wait(event, timeout=0.001)
            assert caught[0].filename == __file__
        wait_any(event, timeout=0)  # does not block

    RUN[loop](main)


@pytest.mark.parametrize("kind", LOOPS)
def test_many_tasks_wait_for_the_same(kind: str, place: str) -> None:
    import anyio

    events = [Event(f"e{i}", at=place) for i in range(5)]
    found: list[list[Any]] = []

    async def one() -> None:
        found.append(await wait_any_async(*events))

    async def main() -> None:
        async with anyio.create_task_group() as group:
            for _ in range(20):
                group.start_soon(one)
            threading.Thread(target=events[3].set).start()

    RUN[kind](main)
    assert found == [[events[3]]] * 20
    Many(*events).close()


def test_ctrl_c_ends_a_wait_and_loses_nothing(place: str) -> None:
    with Child(
        f"""
        from tocsin import WaitSet
        events = [Event(f"e{{i}}", at={place!r}) for i in range(3)]
        kept = WaitSet(events)
        while True:
            try:
                found = kept.wait()
            except KeyboardInterrupt:
                say("interrupted")
            else:
                say([e.name for e in found])
                for e in found: e.clear()
        """
    ) as child:
        with Event("e1", at=place) as one:
            for _ in range(20):
                child.until_asleep()
                child.signal(signals.SIGINT)
                assert child.hear() == "interrupted"
                child.until_asleep()
                one.set()
                assert child.hear() == "['e1']"


def test_a_handler_that_waits_in_a_wait(place: str) -> None:
    with Child(
        f"""
        from tocsin import wait_any
        events = [Event(f"e{{i}}", at={place!r}) for i in range(3)]
        def handler(*_):
            events[0].set()
            say([e.name for e in wait_any(*events)])
            events[0].clear()
        signal.signal(signal.SIGUSR1, handler)
        say([e.name for e in wait_any(*events)])
        """
    ) as child:
        child.until_asleep()
        child.signal(signals.SIGUSR1)
        assert child.hear() == "['e0']"
        with Event("e2", at=place) as two:
            two.set()
            assert child.hear() in ("['e0']", "['e2']", "['e0', 'e2']")  # the pulse of e0 came after the start, too


def test_stats_say_that_somebody_waits(event: Event) -> None:
    from harness.until import until

    wait = InThread(lambda: wait_any(event))
    until(lambda: event.stats().waiting_here == 1, "it is counted")
    event.set()
    assert wait.result() == [event]
    assert event.stats().waiting_here == 0


def test_ready_beside_select(event: Event) -> None:
    """The same handle by its own descriptor at the same time: each has an edge of its own."""
    fd = event.fileno()
    assert wait_any(event, timeout=0) == []
    event.set()
    assert select.select([fd], [], [], 60)[0] == [fd]
    assert wait_any(event) == [event]
