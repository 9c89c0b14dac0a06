"""What a data event takes and gives: values of every JSON kind and size, typed or not; the latest one, or none."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from harness.child import Child
from harness.places import objects_at

from tocsin import DataEvent, InvalidMessage, MessageTooLarge, TocsinError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.callers import Caller

LIMIT = 64 << 20


@pytest.fixture(params=["named", "anonymous"])
def data(request: pytest.FixtureRequest, place: str) -> Iterator[DataEvent[Any]]:
    with DataEvent("x", at=place) if request.param == "named" else DataEvent() as made:
        yield made


VALUES = [
    None,
    False,
    True,
    0,
    -1,
    2**63,
    1.5,
    1e300,
    "",
    "ä€😀",
    "\x00",
    [],
    {},
    {"": [{"a": None}]},
    [[[]]],
    "x" * 5000,
]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: repr(value)[:12])
def test_values_come_back_equal_falsy_ones_too(caller: Caller, data: DataEvent[Any], value: object) -> None:
    assert caller.do(data, "signal", value) == 1
    found = data.wait(0)
    assert (type(found), found) == (type(value), value)
    assert data.latest("none") == value


@pytest.mark.parametrize(
    "value", [b"x", {1, 2}, {1: 2}, math.nan, math.inf, -math.inf, ..., {"a": [b"x"]}, "\ud800", 1 + 2j], ids=repr
)
def test_what_would_not_come_back_equal_is_refused(data: DataEvent[Any], value: object) -> None:
    data.signal("before")
    with pytest.raises(InvalidMessage, match="data event") as caught:
        data.signal(value)
    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, TocsinError)
    assert data.latest() == "before"
    assert data.version == 1


SIZES = [0, 1, 7, 8, 4000, *range(4088, 4100), 8192, 65536, 65537, 1 << 20]


def test_sizes_up_and_down(data: DataEvent[Any]) -> None:
    """Small ones live in the object, large ones beside it; each replaces any other."""
    for size in (*SIZES, *reversed(SIZES), *SIZES[::5]):
        value = "v" * size
        data.signal(value)
        assert data.latest() == value
        assert data.wait(0) == value


@pytest.mark.parametrize("size", [10, 1 << 20])
def test_every_caller_waits_for_small_and_large(caller: Caller, data: DataEvent[Any], size: int) -> None:
    wait = caller.asleep(data, "wait")
    data.signal(["v" * size])
    assert wait.result() == ["v" * size]


def test_the_limit(place: str) -> None:
    """64 MiB as JSON: two quotes and the rest. One more is refused, and nothing has changed."""
    largest = "v" * (LIMIT - 2)
    with DataEvent("x", at=place) as data, DataEvent("x", at=place) as other:
        data.signal("before")
        with pytest.raises(MessageTooLarge, match="64 MiB"):
            data.signal(largest + "v")
        assert data.latest() == other.wait() == "before"
        assert data.signal(largest) == 2
        assert other.wait() == largest
        assert data.signal("after") == 3
        assert other.wait() == data.latest() == "after"


def test_a_large_value_reaches_another_process(place: str) -> None:
    script = """
from tocsin import DataEvent
with DataEvent("x", at=sys.argv[1]) as data:
    say("ready")
    value = data.wait()
    say(len(value), set(value))
"""
    with Child(script, place) as child, DataEvent("x", at=place) as data:
        assert child.hear() == "ready"
        child.until_asleep()
        data.signal("v" * (5 << 20))
        assert child.hear() == f"{5 << 20} {{'v'}}"


# -- types


class Point(msgspec.Struct):
    x: int
    y: int = 0


@dataclasses.dataclass
class Plain:
    name: str
    tags: list[str]


@pytest.mark.parametrize(
    ("type_", "value"),
    [
        (Point, Point(1, 2)),
        (Plain, Plain("a", ["b"])),
        (dict[str, int], {"a": 1}),
        (int | None, None),
        (bytes, b"\x00\xff"),
    ],
    ids=str,
)
def test_typed_values_come_back_as_their_type(place: str, type_: Any, value: object) -> None:
    with DataEvent("x", at=place, type=type_) as data:
        data.signal(value)
        found = data.wait()
        assert (type(found), found) == (type(value), value)
        assert data.latest() == value


@pytest.mark.parametrize("bad", [{"x": "one"}, 5, None, Point("one")], ids=repr)
def test_what_is_not_of_the_type_is_refused(place: str, bad: object) -> None:
    with DataEvent("x", at=place, type=Point) as data:
        with pytest.raises(InvalidMessage, match="'x' at"):
            data.signal(bad)
        assert data.version == 0


def test_what_others_signal_is_checked_and_the_next_one_comes(place: str) -> None:
    with DataEvent("x", at=place) as untyped, DataEvent("x", at=place, type=Point) as typed:
        untyped.signal({"x": "one"})
        with pytest.raises(InvalidMessage):
            typed.latest()
        steps = iter(typed)
        with pytest.raises(InvalidMessage):
            next(steps)
        untyped.signal({"x": 1})
        assert next(steps) == Point(1)


def test_a_type_that_nobody_can_read(place: str) -> None:
    with pytest.raises(TypeError, match="type="):
        DataEvent("x", at=place, type=list[int] | set[int])
    assert objects_at(place) == []


# -- latest


def test_latest_of_nothing(data: DataEvent[Any]) -> None:
    with pytest.raises(LookupError, match="no value yet"):
        data.latest()
    assert data.latest(None) is None
    assert data.latest(default=5) == 5


def test_latest_moves_no_cursor(caller: Caller, data: DataEvent[Any]) -> None:
    data.signal(1)
    assert caller.do(data, "latest") == 1
    assert data.wait(0) == 1
    with pytest.raises(TimeoutError):
        data.wait(0)
    assert data.latest() == 1
