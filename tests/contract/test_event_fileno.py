"""The descriptor: readable while the event is set, for select, poll, epoll and selectors."""

from __future__ import annotations

import gc
import os
import select
import selectors
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from harness.asleep import until_all_asleep
from harness.places import descriptors, opened_since
from harness.until import PATIENCE_S

from tocsin import Event

if TYPE_CHECKING:
    from harness.callers import Caller


def by_select(fd: int, timeout: float = 0) -> bool:
    return bool(select.select([fd], [], [], timeout)[0])


def by_poll(fd: int, timeout: float = 0) -> bool:
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    return bool(poll.poll(timeout * 1000))


def by_epoll(fd: int, timeout: float = 0) -> bool:
    with select.epoll() as epoll:
        epoll.register(fd, select.EPOLLIN)
        return bool(epoll.poll(timeout))


def by_selectors(fd: int, timeout: float = 0) -> bool:
    with selectors.DefaultSelector() as selector:
        selector.register(fd, selectors.EVENT_READ)
        return bool(selector.select(timeout))


Ready = Callable[..., bool]


@pytest.fixture(params=[by_select, by_poll, by_epoll, by_selectors])
def ready(request: pytest.FixtureRequest) -> Ready:
    return request.param


@pytest.fixture
def soon(place: str) -> float:
    """How long (s) the news of another's change may be on its way: a patience, because the ways are the network's."""
    return PATIENCE_S if "://" in place else 0


def test_not_readable_at_first(either: Event, ready: Ready) -> None:
    assert not ready(either.fileno())


def test_readable_at_once_when_it_is_set_already(either: Event, ready: Ready) -> None:
    either.set()
    assert ready(either.fileno())


def test_readable_while_set_however_often_one_looks(caller: Caller, either: Event, ready: Ready, soon: float) -> None:
    fd = either.fileno()
    caller.do(either, "set")
    for _ in range(3):
        assert ready(fd, soon)
        assert either.is_set()
        assert either.wait(0)
        assert either.generation == 1
    assert ready(fd)


def test_not_readable_after_our_clear(either: Event, ready: Ready) -> None:
    fd = either.fileno()
    for _ in range(3):
        either.set()
        assert ready(fd)
        either.clear()
        assert not ready(fd)


@pytest.mark.parametrize("look", [Event.is_set, lambda e: e.wait(0), lambda e: e.generation, Event.clear])
def test_a_look_consumes_what_anothers_clear_left(
    caller: Caller, either: Event, ready: Ready, look: Callable[[Event], object], soon: float
) -> None:
    fd = either.fileno()
    caller.do(either, "set")
    caller.do(either, "clear")
    look(either)
    assert not ready(fd)
    caller.do(either, "set")
    assert ready(fd, soon)


def test_a_pulse_is_an_edge_and_the_generation_tells(caller: Caller, either: Event, ready: Ready, soon: float) -> None:
    fd, seen = either.fileno(), either.generation
    for _ in range(3):
        caller.do(either, "set")
        assert ready(fd, soon)
        if caller.kind == "process":  # our own clear is a look, and consumes
            caller.do(either, "clear")
            assert ready(fd, soon)
        assert either.generation == seen + 1
        either.clear()
        seen = either.generation
        assert not ready(fd)


def test_a_sleeping_select_is_woken(caller: Caller, either: Event, ready: Ready) -> None:
    fd = either.fileno()
    found: list[bool] = []
    sleeper = threading.Thread(target=lambda: found.append(ready(fd, 60)), daemon=True)
    sleeper.start()
    until_all_asleep([sleeper])
    caller.do(either, "set")
    sleeper.join(60)
    assert found == [True]


def test_every_handle_has_its_own(place: str, ready: Ready, soon: float) -> None:
    with Event("x", at=place) as one, Event("x", at=place) as two:
        first, second = one.fileno(), two.fileno()
        assert first != second
        two.set()
        assert ready(first, soon)
        assert ready(second, soon)
        one.clear()
        assert not one.is_set()
        assert not ready(first)
        assert not two.is_set()
        assert not ready(second)


def test_the_number_stays_the_same(either: Event) -> None:
    assert len({either.fileno() for _ in range(5)}) == 1
    either.set()
    assert either.fileno() == either.fileno()


def test_it_is_not_inherited_by_programs(either: Event) -> None:
    assert not os.get_inheritable(either.fileno())


@pytest.mark.local("a pipe that fills up is a bell's")
def test_ten_thousand_rings_without_a_reader(either: Event, ready: Ready) -> None:
    """The bell's pipe fills up when nobody drains it; a full one must ring all the same."""
    fd = either.fileno()
    for _ in range(10_000):
        either.set()
        either.clear()
    assert not ready(fd)
    either.set()
    assert ready(fd)


def test_rings_from_elsewhere_without_a_look(place: str, ready: Ready, soon: float) -> None:
    with Event("x", at=place) as listener, Event("x", at=place) as setter:
        fd = listener.fileno()
        for count in range(1, 501 if listener.is_far else 9_001):
            setter.set()
            if not ready(fd, soon):
                pytest.fail(f"not readable at set {count}")
            setter.clear()
            assert listener.generation == count
        assert not ready(fd)


def test_close_gives_the_descriptors_back(place: str) -> None:
    gc.collect()  # what earlier tests left
    before = descriptors()
    with Event("x", at=place) as event:
        event.fileno()
    with Event() as event:
        event.fileno()
    del event
    assert opened_since(before) == []


def test_two_threads_ask_for_it_at_once(thread: Caller, either: Event) -> None:
    numbers = {wait.result() for wait in [thread.start(either, "fileno") for _ in range(16)]}
    assert len(numbers) == 1
    either.set()
    assert by_poll(numbers.pop())
