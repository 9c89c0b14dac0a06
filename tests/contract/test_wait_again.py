"""wait_any for the same objects again, by the set that the thread's last call left: what must not go wrong with it."""

from __future__ import annotations

import gc
import inspect
import signal as signals
import time
from typing import TYPE_CHECKING, Any

import pytest
from harness.callers import InThread
from harness.child import Child
from harness.many import Many

from tocsin import Event, Queue, Signal, wait_any

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def events(place: str) -> Iterator[tuple[Event, ...]]:
    made = tuple(Event(f"e{i}", at=place) for i in range(40))
    yield made
    Many(*made).close()


def again(*objs: Any) -> list[Any]:
    """The second of two calls in this thread."""
    assert wait_any(*objs, timeout=0) == []
    return wait_any(*objs)


def test_a_pulse_after_the_start_counts(events: tuple[Event, ...]) -> None:
    for one in events:
        wait = InThread(lambda: again(*events))
        wait.until_asleep()
        one.set()
        one.clear()
        assert wait.result() == [one]


def test_more_rings_than_are_taken_at_once(events: tuple[Event, ...]) -> None:
    for _ in range(3):
        assert wait_any(*events, timeout=0) == []
        for one in reversed(events):
            one.set()
        assert wait_any(*events) == list(events)
        for one in events:
            one.clear()
    for one in events:
        one.set()
        one.clear()
    assert wait_any(*events, timeout=0) == [], "these were pulses before the start"


def test_twice_the_same(events: tuple[Event, ...]) -> None:
    one, two = events[:2]
    wait = InThread(lambda: again(one, two, one))
    wait.until_asleep()
    one.set()
    assert wait.result() == [one, one]


def test_it_ends_in_time(events: tuple[Event, ...]) -> None:
    for _ in range(3):
        start = time.monotonic()
        assert wait_any(*events, timeout=0.02) == []
        assert time.monotonic() - start >= 0.02
    assert wait_any(*events, timeout=-1) == []


@pytest.mark.parametrize("ending", ["close", "cancel", "unlink"])
def test_what_ends_meanwhile_is_ready(events: tuple[Event, ...], place: str, ending: str) -> None:
    with Signal("s", at=place) as one:
        wait = InThread(lambda: again(*events, one))
        wait.until_asleep()
        getattr(one, ending)()
        assert wait.result() == [one]


def test_others_at_the_same_addresses(place: str) -> None:
    for i in range(8):
        objs = [Event(f"{i}-{j}", at=place) for j in range(3)]
        assert wait_any(*objs, timeout=0) == []
        objs[i % 3].set()
        assert wait_any(*objs) == [objs[i % 3]]
        del objs
        gc.collect()


def test_each_thread_has_its_own(events: tuple[Event, ...]) -> None:
    waits = [InThread(lambda: again(*events)) for _ in range(4)]
    for wait in waits:
        wait.until_asleep()
    events[7].set()
    assert [wait.result() for wait in waits] == [[events[7]]] * 4
    assert wait_any(*events) == [events[7]]


def test_what_a_queue_has_in_hand_is_looked_after(place: str) -> None:
    with Queue("q", at=place) as queue, Event("never", at=place) as never:
        script = "from tocsin import Queue; q = Queue('q', at=sys.argv[1]); d = q.receive(); say('has it'); hear()"
        queue.put(1)
        with Child(script, place) as child:
            assert child.hear() == "has it"
            wait = InThread(lambda: again(never, queue))
            wait.until_asleep()
            child.kill()
            assert wait.result() == [queue], "it died with the item in its hands"


def test_ctrl_c_loses_nothing(place: str) -> None:
    with Child(
        f"""
        from tocsin import wait_any
        events = [Event(f"e{{i}}", at={place!r}) for i in range(3)]
        while True:
            try:
                found = wait_any(*events)
            except KeyboardInterrupt:
                say("interrupted")
            else:
                say([e.name for e in found])
                for e in found: e.clear()
        """
    ) as child:
        with Event("e1", at=place) as one:
            for _ in range(10):
                child.until_asleep()
                child.signal(signals.SIGINT)
                assert child.hear() == "interrupted"
                for _ in range(3):
                    child.until_asleep()
                    one.set()
                    assert child.hear() == "['e1']"


@pytest.mark.parametrize("call", ["wait_any(*events)", "kept.wait()"])
def test_a_handler_that_forks(place: str, call: str) -> None:
    """The child comes back from the handler into its parent's wait, and hears by an epoll of its own."""
    with Child(
        f"""
        from tocsin import WaitSet, wait_any
        events = [Event(f"e{{i}}", at={place!r}) for i in range(3)]
        kept = WaitSet(events)
        wait_any(*events, timeout=0)
        who = "parent"
        def handler(*_):
            global who, child
            child = os.fork()
            who = "parent" if child else "child"
            if not child: os.write(1, b"forked\\n")
        signal.signal(signal.SIGUSR1, handler)
        found = {call}
        os.write(1, f"{{who}} {{[e.name for e in found]}}\\n".encode())  # in one piece: two write
        if who == "parent": os.waitpid(child, 0)
        """
    ) as child:
        with Event("e2", at=place) as two:
            child.until_asleep()
            child.signal(signals.SIGUSR1)
            assert child.hear() == "forked"
            two.set()
            assert {child.hear(), child.hear()} == {"parent ['e2']", "child ['e2']"}


def test_it_says_what_it_takes() -> None:
    assert str(inspect.signature(wait_any)) == "(*objs, timeout=None)"
    assert wait_any.__doc__
    assert "in the order of the arguments" in wait_any.__doc__
