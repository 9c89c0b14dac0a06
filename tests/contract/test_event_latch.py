"""The flag: set latches it, clear takes it back, and everyone sees the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tocsin import Event

if TYPE_CHECKING:
    from harness.callers import Caller


def test_a_new_event_is_clear(either: Event) -> None:
    assert not either.is_set()
    assert either.generation == 0


def test_set_is_seen_by_its_caller_and_by_us(caller: Caller, either: Event) -> None:
    caller.do(either, "set")
    assert either.is_set()
    assert caller.do(either, "is_set") is True
    assert caller.do(either, "isSet") is True


def test_clear_is_seen_by_its_caller_and_by_us(caller: Caller, either: Event) -> None:
    either.set()
    caller.do(either, "clear")
    assert not either.is_set()
    assert caller.do(either, "is_set") is False


def test_set_and_clear_are_idempotent(caller: Caller, either: Event) -> None:
    caller.do(either, "clear")
    assert either.generation == 0
    caller.do(either, "set")
    caller.do(either, "set")
    assert (either.is_set(), either.generation) == (True, 1)
    caller.do(either, "clear")
    caller.do(either, "clear")
    assert (either.is_set(), either.generation) == (False, 1)


def test_set_and_clear_return_nothing(caller: Caller, either: Event) -> None:
    assert caller.do(either, "set") is None
    assert caller.do(either, "clear") is None


def test_it_stays_set_for_all_who_come_later(caller: Caller, either: Event) -> None:
    either.set()
    for _ in range(3):
        assert caller.do(either, "wait") is True
    assert either.is_set()


def test_a_set_releases_all_who_sleep(caller: Caller, either: Event) -> None:
    waits = [caller.asleep(either, "wait") for _ in range(4)]
    either.set()
    assert [wait.result() for wait in waits] == [True] * 4


def test_the_caller_releases_our_threads(caller: Caller, thread: Caller, either: Event) -> None:
    waits = [thread.asleep(either, "wait") for _ in range(4)]
    caller.do(either, "set")
    assert [wait.result() for wait in waits] == [True] * 4


def test_a_clear_alone_releases_nobody(caller: Caller, either: Event) -> None:
    wait = caller.asleep(either, "wait")
    either.clear()
    wait.until_asleep()
    either.set()
    assert wait.result() is True


def test_what_was_written_before_set_is_seen_after_wait(thread: Caller, either: Event) -> None:
    box: list[int] = []
    wait = thread.asleep(either, "wait")
    box.append(1)
    either.set()
    assert wait.result()
    assert box == [1]


def test_two_handles_of_a_name_are_one_event(place: str) -> None:
    with Event("a", at=place) as one, Event("a", at=place) as two, Event("b", at=place) as other:
        one.set()
        assert two.is_set()
        assert not other.is_set()
        two.clear()
        assert not one.is_set()


def test_two_anonymous_events_are_two() -> None:
    with Event() as one, Event() as two:
        one.set()
        assert not two.is_set()


def test_the_state_outlives_its_handles(place: str) -> None:
    with Event("x", at=place) as event:
        event.set()
    with Event("x", at=place) as event:
        assert event.is_set()


def test_looking_makes_nothing(place: str) -> None:
    with pytest.raises(FileNotFoundError, match=r"'x' at '.+' does not exist"):
        Event("x", at=place, create=False)
    with Event("x", at=place), Event("x", at=place, create=False) as event:
        assert not event.is_set()
