"""Waiting: what it returns, its timeouts, and what it does with those that are none."""

from __future__ import annotations

import math
import time
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from harness.callers import Caller

    from tocsin import Event

WAITS = ("wait", "wait_clear")


def unready(event: Event, what: str) -> None:
    """Bring the event into the state in which `what` has to wait."""
    if what == "wait_clear":
        event.set()


@pytest.mark.parametrize("what", WAITS)
@pytest.mark.parametrize("timeout", [0, 0.0, -1, -0.0, -math.inf])
def test_zero_or_less_looks_once(caller: Caller, either: Event, what: str, timeout: float) -> None:
    unready(either, what)
    assert caller.do(either, what, timeout) is False
    if what == "wait":
        either.set()
    else:
        either.clear()
    assert caller.do(either, what, timeout) is True


@pytest.mark.parametrize("what", WAITS)
def test_a_timeout_returns_false_and_not_early(caller: Caller, either: Event, what: str) -> None:
    unready(either, what)
    begin = time.monotonic()
    assert caller.do(either, what, 0.05) is False
    assert time.monotonic() - begin >= 0.05


@pytest.mark.parametrize("what", WAITS)
@pytest.mark.parametrize("timeout", [None, math.inf, 1e300, 10**9, 3e9, 1e5])
def test_none_inf_and_whatever_is_far_wait_on(caller: Caller, either: Event, what: str, timeout: float | None) -> None:
    unready(either, what)
    wait = caller.asleep(either, what, timeout)
    if what == "wait":
        either.set()
    else:
        either.clear()
    assert wait.result() is True


@pytest.mark.parametrize("what", WAITS)
def test_nan_is_refused_whatever_the_state(caller: Caller, either: Event, what: str) -> None:
    for change in (either.clear, either.set):
        change()
        with pytest.raises(ValueError, match="NaN"):
            caller.do(either, what, math.nan)


@pytest.mark.parametrize("what", WAITS)
@pytest.mark.parametrize("timeout", ["1", b"1", [], object, 1j], ids=repr)
def test_what_is_no_number_is_refused(caller: Caller, event: Event, what: str, timeout: object) -> None:
    with pytest.raises(TypeError, match=f"a timeout is a number of seconds, or None, not {type(timeout).__name__}"):
        caller.do(event, what, timeout)


@pytest.mark.parametrize("timeout", [Decimal("0.001"), Fraction(1, 1000), True, False])
def test_other_numbers_are_taken(event: Event, timeout: float) -> None:
    assert event.wait(timeout) is False


def test_timeout_is_the_only_positional(event: Event) -> None:
    with pytest.raises(TypeError):
        event.wait(0, 1)
    assert event.wait(timeout=0) is False
    assert event.wait_clear(timeout=0) is True


def test_huge_integers_do_not_overflow(thread: Caller, event: Event) -> None:
    wait = thread.asleep(event, "wait", 10**300)
    event.set()
    assert wait.result()
    with pytest.raises(OverflowError):
        event.wait(10**400)


def test_a_wait_for_clear_is_released_by_every_caller(caller: Caller, thread: Caller, either: Event) -> None:
    either.set()
    waits = [thread.asleep(either, "wait_clear") for _ in range(3)]
    waits += [caller.asleep(either, "wait_clear") for _ in range(2)]
    caller.do(either, "clear")
    assert [wait.result() for wait in waits] == [True] * 5


def test_waits_of_both_directions_take_turns(caller: Caller, either: Event) -> None:
    for _ in range(5):
        up = caller.asleep(either, "wait")
        either.set()
        assert up.result()
        down = caller.asleep(either, "wait_clear")
        either.clear()
        assert down.result()


def test_a_timed_out_wait_leaves_nothing_behind(either: Event) -> None:
    for _ in range(20):
        assert not either.wait(0.001)
    assert either.stats().waiting_here == 0


def test_a_wait_for_long_is_counted(thread: Caller, either: Event) -> None:
    thread.asleep(either, "wait")
    thread.asleep(either, "wait")
    stats = either.stats()
    assert (stats.waiting_here, stats.sleepers) == (2, True)
    either.set()
