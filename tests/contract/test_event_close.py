"""close(): ValueError for later calls, and for those that it finds blocked."""

from __future__ import annotations

import gc
import pickle
import threading
from typing import TYPE_CHECKING

import pytest
from harness.callers import LOOPS, RUN, Caller, InThread
from harness.places import descriptors, opened_since
from harness.until import until

from tocsin import Event

if TYPE_CHECKING:
    from collections.abc import Callable

HERE = ("thread", *LOOPS)


@pytest.fixture(params=HERE)
def local(request: pytest.FixtureRequest) -> Caller:
    """Callers of this process: a handle is closed for its own process only."""
    return Caller(request.param)


@pytest.mark.parametrize("what", ["wait", "wait_clear"])
@pytest.mark.parametrize("timeout", [None, 3600])
def test_close_ends_blocked_calls(local: Caller, either: Event, what: str, timeout: float | None) -> None:
    if what == "wait_clear":
        either.set()
    waits = [local.asleep(either, what, timeout) for _ in range(3)]
    either.close()
    for wait in waits:
        with pytest.raises(ValueError, match="closed"):
            wait.result()


def test_close_ends_a_wait_for_a_later_generation(local: Caller, either: Event) -> None:
    either.set()
    wait = local.asleep(either, "wait", since=1)
    either.close()
    with pytest.raises(ValueError, match="closed"):
        wait.result()


def test_close_ends_a_spinning_wait(place: str) -> None:
    event = Event("x", at=place, spin=0.5)
    wait = InThread(event.wait)
    event.close()
    with pytest.raises(ValueError, match="closed"):
        wait.result()


def test_close_is_for_one_handle(caller: Caller, place: str) -> None:
    with Event("x", at=place) as one, Event("x", at=place) as two:
        wait = caller.asleep(two, "wait")
        one.close()
        two.set()
        assert wait.result() is True


CALLS: dict[str, Callable[[Event], object]] = {
    "set": Event.set,
    "clear": Event.clear,
    "is_set": Event.is_set,
    "isSet": Event.isSet,
    "wait": Event.wait,
    "wait(0)": lambda event: event.wait(0),
    "wait(since)": lambda event: event.wait(0, since=0),
    "wait_clear": Event.wait_clear,
    "wait_clear(0)": lambda event: event.wait_clear(0),
    "generation": lambda event: event.generation,
    "fileno": Event.fileno,
    "stats": Event.stats,
    "unlink": Event.unlink,
    "pickle": pickle.dumps,
}


@pytest.mark.parametrize("call", [name for name in CALLS if name != "pickle"])
@pytest.mark.parametrize("was_set", [False, True])
def test_every_call_after_close_is_a_value_error(either: Event, call: str, was_set: bool) -> None:  # noqa: FBT001 - a parameter of the test
    either.fileno()
    if was_set:
        either.set()
    either.close()
    with pytest.raises(ValueError, match="closed"):
        CALLS[call](either)


@pytest.mark.parametrize("twin", ["wait_async", "wait_clear_async", "set_async", "clear_async"])
@pytest.mark.parametrize("kind", LOOPS)
@pytest.mark.parametrize("was_set", [False, True])
def test_every_twin_after_close_is_a_value_error(kind: str, either: Event, twin: str, was_set: bool) -> None:  # noqa: FBT001 - a parameter of the test
    if was_set:
        either.set()
    either.close()
    with pytest.raises(ValueError, match="closed"):
        RUN[kind](getattr(either, twin))


def test_close_twice_and_with_after_close(either: Event) -> None:
    with either:
        either.close()
        either.close()
    assert "closed" in repr(either)


def test_with_closes_and_does_not_unlink(place: str) -> None:
    with Event("x", at=place) as event:
        event.set()
    with pytest.raises(ValueError, match="closed"):
        event.is_set()
    with Event("x", at=place, create=False) as again:
        assert again.is_set()


def test_the_message_names_the_object_and_the_mend(event: Event) -> None:
    event.close()
    with pytest.raises(ValueError, match=r"'x' at '.+' was closed: open a new handle"):
        event.set()


def test_close_from_many_threads_at_once(either: Event) -> None:
    waits = [InThread(either.wait) for _ in range(8)]
    for wait in waits:
        wait.until_asleep()
    closers = [threading.Thread(target=either.close) for _ in range(4)]
    for closer in closers:
        closer.start()
    for wait in waits:
        with pytest.raises(ValueError, match="closed"):
            wait.result()
    for closer in closers:
        closer.join(60)


def test_a_dropped_event_gives_everything_back(place: str) -> None:
    gc.collect()  # what earlier tests left
    before = descriptors()
    for _ in range(50):
        event = Event("x", at=place)
        event.fileno()
        anonymous = Event()
        anonymous.fileno()
        del event, anonymous
    assert opened_since(before) == []


def test_closing_while_others_set_and_look(place: str) -> None:
    """No call crashes, whatever the instant of the close: a result or ValueError."""
    for _ in range(30):
        event = Event("x", at=place)
        event.fileno()
        begun = threading.Semaphore(0)

        def work(event: Event = event, begun: threading.Semaphore = begun) -> None:
            try:
                while True:
                    event.set()
                    event.clear()
                    event.is_set()
                    event.wait(0)
                    begun.release()
            except ValueError:
                pass

        threads = [threading.Thread(target=work) for _ in range(3)]
        for thread in threads:
            thread.start()
        for _ in threads:
            assert begun.acquire(timeout=60)
        event.close()
        for thread in threads:
            thread.join(60)
            until(lambda t=thread: not t.is_alive(), "the thread has noticed")
