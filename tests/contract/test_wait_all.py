"""wait_all: ready at the same time, and nothing else; over objects that flicker, too."""

from __future__ import annotations

import os
import socket
import threading
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from harness.callers import LOOPS, RUN, InThread
from harness.child import Child
from harness.many import Many
from harness.prove import cases

from tocsin import DataEvent, Event, Lock, Queue, Signal, wait_all, wait_all_async

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.callers import Caller


def test_it_returns_when_the_last_is_ready(caller: Caller, place: str) -> None:
    with Event("e", at=place) as event, Signal("s", at=place) as signal, Queue("q", at=place) as queue:
        with DataEvent("d", at=place) as data, closing(Lock("l", at=place)) as lock:
            wait = caller.asleep(Many(event, queue, data, lock), "all")
            event.set()
            wait.until_asleep()
            queue.put(1)
            wait.until_asleep()
            data.signal(1)
            assert wait.result() is True
            signal.signal()
            assert wait_all(event, signal, queue, data, lock, timeout=0)


def test_present_states_count_and_pulses_do_not(caller: Caller, place: str) -> None:
    with Event("a", at=place) as one, Event("b", at=place) as two:
        wait = caller.asleep(Many(one, two), "all")
        for _ in range(5):
            one.set()
            one.clear()
            two.set()
            two.clear()
            wait.until_asleep()
        one.set()
        two.set()
        assert wait.result() is True


@pytest.mark.parametrize("timeout", [0, 0.01])
def test_the_timeout(caller: Caller, place: str, timeout: float) -> None:
    with Event("a", at=place) as one, Event("b", at=place) as two:
        one.set()
        assert caller.do(Many(one, two), "all", timeout) is False
        two.set()
        assert caller.do(Many(one, two), "all", timeout) is True


def test_descriptors_of_others(here: Caller, event: Event) -> None:
    ours, theirs = socket.socketpair()
    reads, writes = os.pipe()
    with ours, theirs:
        theirs.send(b"x")  # readable from the start: it must not keep the wait awake
        wait = here.asleep(Many(ours, event, reads), "all")
        event.set()
        wait.until_asleep()
        os.write(writes, b"x")
        assert wait.result() is True
        wait = here.asleep(Many(ours, reads, reads), "all", None) if os.read(reads, 1) else None
        assert wait is not None
        os.write(writes, b"x")
        assert wait.result() is True
    os.close(reads)
    os.close(writes)


@pytest.mark.parametrize("ending", ["cancel", "close", "unlink"])
def test_what_has_ended_is_ready(here: Caller, place: str, ending: str) -> None:
    with Event("e", at=place) as event, Signal("s", at=place) as signal:
        wait = here.asleep(Many(event, signal), "all")
        getattr(signal, ending)()
        wait.until_asleep()
        event.set()
        assert wait.result() is True


@pytest.mark.parametrize("kind", LOOPS)
def test_cancelled_tasks_leave_nothing(kind: str, place: str) -> None:
    import anyio

    with Event("a", at=place) as one, Event("b", at=place) as two:

        async def main() -> None:
            before = len(os.listdir("/proc/self/fd"))
            for _ in range(20):
                with anyio.move_on_after(0.001):
                    await wait_all_async(one, two)
            one.set()
            two.set()
            assert await wait_all_async(one, two)
            assert len(os.listdir("/proc/self/fd")) <= before + (6 if one.is_far else 2), "only what rings stays"

        RUN[kind](main)


#: Sets and clears in turn with the test, one of two events, so that they are never both set.
_RELAY = """
mine, other = (Event(n, at=sys.argv[1]) for n in sys.argv[2:4])
turn, back = (Event(n, at=sys.argv[1]) for n in sys.argv[4:6])
say("there")
for _ in range(int(sys.argv[6])):
    turn.wait(); turn.clear()
    mine.set(); mine.clear()
    back.set()
say("done")
hear()
mine.set()
say("set")
hear()
"""


def test_flickers_of_two_processes_that_never_meet(place: str, tally: Callable[[str], None]) -> None:
    """One is set and cleared, then the other, thousands of times, by two processes that take turns: never both."""
    rounds = cases(2_000, 50_000)
    args = (place, "a", "b", "t1", "t2"), (place, "b", "a", "t2", "t1")
    with Event("a", at=place) as one, Event("b", at=place) as two, Event("t1", at=place) as first:
        with Child(_RELAY, *args[0], str(rounds)) as left, Child(_RELAY, *args[1], str(rounds)) as right:
            wait = InThread(lambda: wait_all(one, two))
            assert (left.hear(), right.hear()) == ("there", "there")
            first.set()
            assert (left.hear(), right.hear()) == ("done", "done")
            assert (one.generation, two.generation) == (rounds, rounds)
            wait.until_asleep()
            left.say()
            assert left.hear() == "set"
            wait.until_asleep()
            right.say()
            assert wait.result() is True
            left.say()
            right.say()
    tally(f"{rounds} flickers of each of two, never together, and never taken for it")


def test_locks_of_which_one_is_always_held(place: str, tally: Callable[[str], None]) -> None:
    """Hand over hand: each is free half of the time, thousands of times, and never both."""
    rounds = cases(2_000, 50_000)
    with closing(Lock("a", at=place)) as one, closing(Lock("b", at=place)) as two:
        one.acquire()
        wait = InThread(lambda: wait_all(Lock("a", at=place), Lock("b", at=place)))
        wait.until_asleep()
        for _ in range(rounds):
            two.acquire()
            one.release()
            one.acquire()
            two.release()
        wait.until_asleep()
        one.release()
        assert wait.result() is True
    tally(f"{rounds} turns of two locks, never both free, and never taken for it")


def test_two_that_flicker_at_random_meet(place: str) -> None:
    """They are set together now and then; whenever they stay, the wait ends."""
    with Event("a", at=place) as one, Event("b", at=place) as two:
        for _ in range(cases(100, 2_000)):
            wait = InThread(lambda: wait_all(one, two))

            def flicker(event: Event) -> None:
                for _ in range(20):
                    event.set()
                    event.clear()
                event.set()

            threads = [threading.Thread(target=flicker, args=(event,)) for event in (one, two)]
            for thread in threads:
                thread.start()
            assert wait.result() is True
            for thread in threads:
                thread.join()
            one.clear()
            two.clear()


def test_a_queue_that_is_never_empty_and_never_still(place: str) -> None:
    """Its count moves between any two looks; it goes to the end, where one look is enough."""
    with Queue("q", at=place) as queue, Event("e", at=place) as event:
        queue.put_many(range(100))
        event.set()
        over = threading.Event()

        def busy() -> None:
            while not over.is_set():
                queue.put(1)
                queue.get()

        threads = [threading.Thread(target=busy) for _ in range(2)]
        for thread in threads:
            thread.start()
        try:
            for _ in range(20):
                assert wait_all(queue, event)
        finally:
            over.set()
            for thread in threads:
                thread.join()
