"""`generation` counts the sets, and `since=` waits for one that is newer than what was seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from harness.callers import Caller

    from tocsin import Event


def pulse(event: Event) -> None:
    event.set()
    event.clear()


def test_generation_counts_changes_from_clear_to_set(caller: Caller, either: Event) -> None:
    seen = [caller.do(either, "generation")]
    for change in ("set", "set", "clear", "clear", "set", "clear"):
        caller.do(either, change)
        seen.append(caller.do(either, "generation"))
    assert seen == [0, 1, 1, 1, 1, 2, 2]


def test_since_an_older_generation_is_true_at_once(caller: Caller, either: Event) -> None:
    pulse(either)
    assert not either.is_set()
    assert caller.do(either, "wait", since=0) is True
    assert caller.do(either, "wait", 0, since=0) is True
    assert caller.do(either, "wait", 0, since=1) is False


def test_since_the_present_one_waits_for_the_next(caller: Caller, either: Event) -> None:
    pulse(either)
    wait = caller.asleep(either, "wait", since=1)
    pulse(either)
    assert wait.result() is True


def test_since_while_set_waits_for_a_new_set(caller: Caller, either: Event) -> None:
    either.set()
    assert caller.do(either, "wait", 0.01, since=either.generation) is False
    wait = caller.asleep(either, "wait", since=1)
    either.clear()
    wait.until_asleep()
    either.set()
    assert wait.result() is True


def test_since_a_future_generation_waits_for_all_of_them(caller: Caller, either: Event) -> None:
    wait = caller.asleep(either, "wait", since=2)
    pulse(either)
    wait.until_asleep()
    pulse(either)
    wait.until_asleep()
    pulse(either)
    assert wait.result() is True


def test_a_reader_of_generations_misses_no_set(caller: Caller, either: Event) -> None:
    seen = 0
    for _ in range(10):
        wait = caller.start(either, "wait", since=seen)
        pulse(either)
        assert wait.result()
        assert either.generation > seen
        seen = either.generation


@pytest.mark.parametrize("since", [-1, -(2**70), 2**64])
def test_since_outside_its_range_is_refused(caller: Caller, either: Event, since: int) -> None:
    for change in (either.clear, either.set):
        change()
        with pytest.raises((ValueError, OverflowError)):
            caller.do(either, "wait", 0, since=since)


@pytest.mark.parametrize("since", ["0", 1.5, []], ids=repr)
def test_since_must_be_an_integer(caller: Caller, either: Event, since: object) -> None:
    for change in (either.clear, either.set):
        change()
        with pytest.raises(TypeError):
            caller.do(either, "wait", 0, since=since)


def test_the_largest_since_waits(caller: Caller, either: Event) -> None:
    assert caller.do(either, "wait", 0, since=2**64 - 1) is False


def test_since_is_by_keyword_only(event: Event) -> None:
    with pytest.raises(TypeError):
        event.wait(1, 0)
