"""WaitSet: members that come and go, threads that share one, its descriptor, close, fork."""

from __future__ import annotations

import os
import select
import socket
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from harness.callers import LOOPS, RUN, InThread
from harness.child import Child
from harness.many import Many

from tocsin import Empty, Event, Queue, ShutDown, Signal, WaitSet, wait_all, wait_any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.callers import Caller


@pytest.fixture
def events(place: str) -> Iterator[list[Event]]:
    made = [Event(f"e{i}", at=place) for i in range(5)]
    yield made
    Many(*made).close()


def test_it_is_a_set(events: list[Event]) -> None:
    with WaitSet(events[:3]) as kept:
        assert len(kept) == 3
        assert events[0] in kept
        assert events[3] not in kept
        kept.add(events[0])
        assert len(kept) == 3, "twice is once"
        kept.discard(events[0])
        kept.discard(events[0])
        kept.discard(object())
        assert events[0] not in kept
        assert repr(kept) == "<tocsin.WaitSet: 2 members>"
        events[0].set()
        assert kept.wait(0) == []
        kept.add(events[0])
        events[1].set()
        assert kept.wait() == [events[1], events[0]], "in the order in which they came"
    assert "closed" in repr(kept)
    for call in (kept.wait, kept.fileno, lambda: kept.add(events[0])):
        with pytest.raises(ValueError, match="closed"):
            call()
    kept.close()


def test_what_was_ready_is_ready_until_it_is_not(events: list[Event]) -> None:
    with WaitSet(events) as kept:
        for one in events:
            one.set()
            assert kept.wait() == [one]
            assert kept.wait(0) == [one]
            one.clear()
            assert kept.wait(0) == []


def test_a_pulse_between_two_waits_is_told_once(events: list[Event]) -> None:
    with WaitSet(events) as kept:
        for _ in range(3):
            events[2].set()
            events[2].clear()
            assert kept.wait() == [events[2]]
            assert kept.wait(0) == []


def test_what_was_before_the_adding_does_not_count(events: list[Event]) -> None:
    events[0].set()
    events[0].clear()
    events[1].set()
    with WaitSet(events) as kept:
        events[1].clear()
        assert kept.wait(0) == []


def test_members_come_and_go_while_others_wait(events: list[Event]) -> None:
    ours, theirs = socket.socketpair()
    with WaitSet() as kept, ours, theirs:
        wait = InThread(kept.wait)
        wait.until_asleep()
        events[0].set()
        kept.add(events[0])
        assert wait.result() == [events[0]]
        events[0].clear()
        wait = InThread(kept.wait)
        wait.until_asleep()
        theirs.send(b"x")
        kept.add(ours)
        assert wait.result() == [ours]
        kept.discard(ours)
        wait = InThread(kept.wait)
        wait.until_asleep()
        kept.discard(events[0])
        events[0].set()
        wait.until_asleep()
        kept.add(events[1])
        wait.until_asleep()
        events[1].set()
        assert wait.result() == [events[1]]


def test_threads_share_one(events: list[Event]) -> None:
    with WaitSet(events) as kept:
        for one in events:
            waits = [InThread(kept.wait) for _ in range(4)]
            for wait in waits:
                wait.until_asleep()
            one.set()
            assert [wait.result() for wait in waits] == [[one]] * 4
            one.clear()


def test_one_thread_takes_what_another_was_woken_for(events: list[Event]) -> None:
    """Nobody stays behind with what has changed since."""
    with WaitSet(events) as kept:
        over = threading.Event()
        counts = [0] * 4

        def work(mine: int) -> None:
            while not over.is_set():
                for one in kept.wait():
                    if one is events[4]:
                        over.set()
                    else:
                        one.clear()
                        counts[mine] += 1

        waits = [InThread(lambda i=i: work(i)) for i in range(4)]
        for i in range(2000):
            events[i % 4].set()
        events[4].set()
        for wait in waits:
            wait.result()
        assert sum(counts) > 0


@pytest.mark.parametrize("ending", ["close", "unlink", "cancel"])
def test_what_ends_is_ready(events: list[Event], place: str, ending: str) -> None:
    with Signal("s", at=place) as one, WaitSet([*events, one]) as kept:
        wait = InThread(kept.wait)
        wait.until_asleep()
        getattr(one, ending)()
        assert wait.result() == [one]
        assert kept.wait(0) == [one]
        kept.discard(one)
        assert kept.wait(0) == []


def test_numbers_that_a_closed_member_leaves_behind(events: list[Event], place: str) -> None:
    with WaitSet(events) as kept:
        for i in range(10):
            one = Event(f"n{i}", at=place)
            kept.add(one)
            assert kept.wait(0) == []
            one.close()
            assert kept.wait(0) == [one]
            two = Event(f"m{i}", at=place)
            kept.add(two)
            two.set()
            assert kept.wait(0) == [one, two]
            kept.discard(one)
            assert kept.wait(0) == [two], "the one that has the number now is heard"
            kept.discard(two)
            two.close()


def test_close_ends_waits(events: list[Event]) -> None:
    kept = WaitSet(events)
    waits = [InThread(kept.wait) for _ in range(3)]
    for wait in waits:
        wait.until_asleep()
    kept.close()
    for wait in waits:
        with pytest.raises(ValueError, match="closed"):
            wait.result()


@pytest.mark.parametrize("kind", LOOPS)
def test_tasks_share_one(kind: str, events: list[Event]) -> None:
    import anyio

    found: list[list[Any]] = []
    with WaitSet(events) as kept:

        async def one() -> None:
            found.append(await kept.wait_async())

        async def main() -> None:
            async with anyio.create_task_group() as group:
                for _ in range(5):
                    group.start_soon(one)
                threading.Thread(target=events[3].set).start()
            with anyio.move_on_after(0.001):
                events[3].clear()
                await kept.wait_async()
            events[2].set()
            found.append(await kept.wait_async())

        RUN[kind](main)
    assert found == [[events[3]]] * 5 + [[events[2]]]


@pytest.mark.parametrize("kind", LOOPS)
def test_close_ends_tasks(kind: str, events: list[Event]) -> None:
    kept = WaitSet(events)
    wait = InThread(lambda: RUN[kind](kept.wait_async))
    wait.until_asleep()
    kept.close()
    with pytest.raises(ValueError, match="closed"):
        wait.result()


# -- its descriptor


def test_the_descriptor_is_readable_while_something_is_ready(events: list[Event]) -> None:
    with WaitSet(events) as kept:
        poll = select.poll()
        poll.register(kept.fileno(), select.POLLIN)
        kept.wait(0)
        assert poll.poll(0) == []
        events[1].set()
        for _ in range(3):
            assert poll.poll(60_000)
            assert kept.wait(0) == [events[1]]
        events[1].clear()
        assert kept.wait(0) == []
        assert poll.poll(0) == []
        events[2].set()
        events[2].clear()
        assert poll.poll(60_000)
        assert kept.wait(0) == [events[2]]


def test_sets_in_sets(events: list[Event]) -> None:
    with WaitSet(events[:2]) as inner, WaitSet([inner, events[4]]) as outer:
        inner.wait(0)
        events[0].set()
        assert inner in outer.wait()
        assert inner.wait(0) == [events[0]]


# -- fork, kills


def test_a_forked_child_has_a_set_of_its_own(events: list[Event]) -> None:
    with Event() as told, WaitSet([*events, told]) as kept:
        assert wait_any(*events, told, timeout=0) == []
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                ok = kept.wait(60) == [events[0]] and wait_any(*events, told, timeout=60) == [events[0]]
                events[0].clear()
                told.set()
                code = 0 if ok and kept.wait(60) == [told] else 2
            finally:
                os._exit(code)
        events[0].set()
        assert kept.wait()[0] is events[0], "the child did not eat the edge"
        assert told.wait(60)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
        assert told in wait_any(*events, told)
        assert told in kept.wait()


def test_a_setter_that_is_killed_beside_it(place: str) -> None:
    with Event("a", at=place) as one, Event("b", at=place) as two, WaitSet([one, two]) as kept:
        for _ in range(5):
            script = "a = Event('a', at=sys.argv[1]); a.set(); say(); os.kill(os.getpid(), 9)"
            wait = InThread(kept.wait)
            wait.until_asleep()
            with Child(script, place):
                assert wait.result() == [one]
            one.clear()
            assert kept.wait(0) == []


@pytest.mark.parametrize("how", ["any", "set"])
def test_what_a_dead_worker_held_comes_back(place: str, how: str) -> None:
    script = "q = tocsin.Queue('q', at=sys.argv[1]); d = q.receive(); say('held'); hear()"
    with Queue("q", at=place) as queue, Event("never", at=place) as never:
        queue.put("work")
        with Child(script, place) as child:
            assert child.hear() == "held"
            wait = InThread(getattr(Many(never, queue), how))
            wait.until_asleep()
            child.kill()
            assert wait.result() == [1]
        assert queue.get_nowait() == "work"


def test_an_item_that_was_put_off(place: str) -> None:
    with Queue("q", at=place) as queue, WaitSet([queue]) as kept:
        queue.put("later")
        put_off = time.monotonic()
        queue.receive().nack(delay=0.05)
        assert kept.wait(0) == [] or time.monotonic() - put_off > 0.05
        assert kept.wait() == [queue]
        assert queue.get_nowait() == "later"


def test_a_queue_that_is_shut_down_is_not_at_its_end_while_an_item_is_put_off(either_queue: Queue[Any]) -> None:
    """`receive(0)` finds it empty, so who waits for it among others must not be told that it is ready."""
    with WaitSet([either_queue]) as kept:
        either_queue.put("later")
        either_queue.receive().nack(delay=3600)
        either_queue.shutdown()
        with pytest.raises(Empty):
            either_queue.receive(0)
        assert kept.wait(0) == wait_any(either_queue, timeout=0) == []
        assert not wait_all(either_queue, timeout=0)
        assert either_queue.purge() == 1
        assert wait_any(either_queue) == kept.wait() == [either_queue], "nothing comes any more"
        with pytest.raises(ShutDown):
            either_queue.receive(0)


def test_what_a_queue_that_is_shut_down_put_off_comes_in_its_time(either_queue: Queue[Any]) -> None:
    with WaitSet([either_queue]) as kept:
        either_queue.put("later")
        either_queue.receive().nack(delay=0.05)
        either_queue.shutdown()
        assert kept.wait() == [either_queue]
        assert either_queue.get_nowait() == "later"
        assert kept.wait() == wait_any(either_queue, timeout=0) == [either_queue]
        with pytest.raises(ShutDown):
            either_queue.get_nowait()


def test_a_wait_for_any_swallows_no_items_wake(place: str) -> None:
    """Who is rung and does not take leaves those alone who would."""
    with Queue("q", at=place) as queue, Queue("q", at=place) as other:
        for i in range(20):
            look, take = InThread(lambda: wait_any(queue)), InThread(other.get)
            look.until_asleep()
            take.until_asleep()
            queue.put(i)
            assert take.result() == i
            if not look.done():  # the taker was faster: it looks on
                queue.put(-1)
            assert look.result() == [queue]
            while not queue.empty():
                queue.get()


def test_the_owners_death_is_ready(place: str) -> None:
    from tocsin import OwnerDied

    script = "e = Event('e', at=sys.argv[1]); e.own(); say('owned'); hear()"
    with Event("e", at=place) as event, Event("never", at=place) as never, Child(script, place) as child:
        assert child.hear() == "owned"
        wait = InThread(lambda: wait_any(never, event))
        wait.until_asleep()
        child.kill()
        assert wait.result() == [event]
        with pytest.raises(OwnerDied):
            event.wait(0)


@pytest.mark.local("watchpoints are in memory")
def test_watchpoints(place: str, here: Caller) -> None:
    from tocsin import Watchpoint, WatchpointHandler

    points = [Watchpoint("a", place), Watchpoint("b", place)]
    with Event() as never, WatchpointHandler(points) as handler, WatchpointHandler(points) as other:
        wait = here.asleep(Many(never, handler), "any")
        assert other.create("b")
        assert wait.result() == [1]
        assert handler.exists("b")
        assert wait_any(never, handler, timeout=0) == []
