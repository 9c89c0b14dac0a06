"""Names of events, and patterns over them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin import Bus
from tocsin._bus_names import matches

PARTS = st.sampled_from(["a", "b", "job", "x-1"])
NAMES = st.lists(PARTS, min_size=1, max_size=5).map(".".join)
PATTERNS = st.lists(st.one_of(PARTS, st.just("*"), st.just("**")), min_size=1, max_size=5).map(".".join)


def by_regex(pattern: str, name: str) -> bool:
    """The same by other means: every part is followed by a dot."""
    pieces = {"*": r"[^.]+\.", "**": r"(?:[^.]+\.)*"}
    text = "".join(pieces.get(part, re.escape(part) + r"\.") for part in pattern.split("."))
    return re.fullmatch(text, name + ".") is not None


@settings(max_examples=600, deadline=None)
@given(PATTERNS, NAMES)
def test_patterns_match_as_regular_expressions_do(pattern: str, name: str) -> None:
    assert matches(pattern, name) == by_regex(pattern, name)


@settings(max_examples=150, deadline=None)
@given(st.lists(PATTERNS, min_size=1, max_size=6), st.lists(NAMES, min_size=1, max_size=6), st.data())
def test_an_emit_reaches_who_matches(patterns: list[str], names: list[str], data: st.DataObject) -> None:
    """Routes are remembered, so registering, removing and emitting are mixed, and each name is emitted again."""
    with Bus() as bus:
        there = [bus.register(pattern, print, weak=True) for pattern in patterns[:2]]
        subscriptions = {}
        for name in [*names, *names]:
            step = data.draw(st.sampled_from(["subscribe", "unregister", "neither"]))
            if step == "subscribe":
                pattern = data.draw(st.sampled_from(patterns))
                subscriptions[bus.subscribe(pattern)] = []
            elif step == "unregister" and there:
                gone = bus.unregister(name=there[0].pattern)
                there = [handler for handler in there if handler not in gone]
            reached = bus.emit(name)
            listening = [found for found in subscriptions if by_regex(found.pattern, name)]
            for found in listening:
                subscriptions[found].append(name)
            assert reached == len(listening) + sum(by_regex(handler.pattern, name) for handler in there)
        for found, expected in subscriptions.items():
            assert [found.wait(0).name for _ in expected] == expected
            assert found.queued == 0


@pytest.mark.parametrize("pattern", ["", ".", "a.", ".a", "a..b", "jo*", "*b", "a.***", "a.b*.c"])
def test_a_bad_pattern_is_an_error_at_the_call(pattern: str) -> None:
    with Bus() as bus:
        for call in (
            lambda: bus.register(pattern, print),
            lambda: bus.once(pattern, print),
            lambda: bus.on(pattern),
            lambda: bus.subscribe(pattern),
            lambda: bus.wait(pattern, 0),
            lambda: bus.wait_async(pattern),
            lambda: bus.unregister(name=pattern),
            lambda: bus.emit(pattern),
            lambda: bus.emit_after(0, pattern),
        ):
            with pytest.raises(ValueError, match="bad"):
                call()
        assert bus.stats().handlers == bus.stats().waits == 0


@pytest.mark.parametrize("name", ["*", "job.*", "**"])
def test_nothing_is_emitted_by_a_pattern(name: str) -> None:
    with Bus() as bus, pytest.raises(ValueError, match="pattern"):
        bus.emit(name)


@pytest.mark.parametrize("name", [None, 7, b"x", ("a",)])
def test_a_name_is_text(name: object) -> None:
    with Bus() as bus:
        for call in (bus.emit, bus.subscribe, lambda name: bus.register(name, print)):
            with pytest.raises(TypeError, match="text"):
                call(name)


def test_more_names_than_are_remembered() -> None:
    with Bus() as bus, bus.subscribe("n.*") as found:
        for number in range(10_000):
            assert bus.emit(f"n.{number}") == 1
        assert len(bus._registry.routes) <= 4096
        assert [found.wait(0).name for _ in range(10_000)] == [f"n.{number}" for number in range(10_000)]
