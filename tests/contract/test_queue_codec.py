"""What may be put: values that come back equal, or those of a type; everything else is refused before it is in."""

from __future__ import annotations

import collections
import dataclasses
import datetime as dt
import enum
import math
from typing import TYPE_CHECKING, Any, NamedTuple, TypedDict

import msgspec
import pytest

from tocsin import ConfigMismatch, InvalidMessage, MessageTooLarge, Queue

if TYPE_CHECKING:
    from harness.callers import Caller


class Job(msgspec.Struct):
    id: int
    tags: list[str] = []


@dataclasses.dataclass
class Plain:
    id: int


class Typed(TypedDict):
    id: int


class Pair(NamedTuple):
    a: int
    b: int


class Number(enum.IntEnum):
    ONE = 1


class Bytes(bytes):
    pass


class Text(str):
    __slots__ = ()


def nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


def endless() -> list[Any]:
    value: list[Any] = []
    value.append(value)
    return value


#: What JSON can't bring back, and a word of the message that says so.
REFUSED = {
    "bytes": (b"x", r"\$ is a bytes"),
    "bytearray": (bytearray(b"x"), "bytearray"),
    "set": ({"a": {1, 2}}, r"\$\.a is a set"),
    "frozenset": (frozenset(), "frozenset"),
    "int key": ({"a": [{}, {1: 2}]}, r"\$\.a\[1\] has the key 1"),
    "bytes key": ({b"a": 1}, "key"),
    "none key": ({None: 1}, "key"),
    "nan": ([1, math.nan], r"\$\[1\] is nan"),
    "inf": ({"x": math.inf}, "inf"),
    "-inf": (-math.inf, "-inf"),
    "object": (object(), "object"),
    "class": (int, "type"),
    "date": (dt.datetime(2020, 1, 1, tzinfo=dt.UTC), "datetime"),
    "named tuple": (Pair(1, 2), "Pair"),
    "int enum": (Number.ONE, "Number"),
    "str subclass": ({"a": Text("x")}, r"Text.* make it a str"),
    "dict subclass": (collections.OrderedDict(a=1), "make it a dict"),
    "surrogate": (["\ud800"], "surrogate"),
    "surrogate key": ({"a\udfff": 1}, "surrogate"),
    "number without end": (10**5000, "int"),
    "too deep": (nested(300), "deep"),
    "itself": (endless(), "contains itself"),
    "struct": (Job(1), "Job"),
    "complex": (1j, "complex"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_would_not_come_back_equal_is_refused(caller: Caller, queue: Queue[Any], what: str) -> None:
    value, why = REFUSED[what]
    if caller.kind == "process" and what in ("surrogate", "surrogate key", "too deep", "itself"):
        value, why = b"x", "bytes"  # what can't be handed to another process can't be tried there
    with pytest.raises(InvalidMessage, match=why) as caught:
        caller.do(queue, "put", value)
    assert "'q' at" in str(caught.value)
    assert queue.empty()
    with pytest.raises(InvalidMessage):
        queue.put_nowait(value)


def test_tuples_come_back_as_lists(queue: Queue[Any]) -> None:
    queue.put((1, (2, 3), {"a": ()}))
    assert queue.get() == [1, [2, 3], {"a": []}]


def test_deep_enough(queue: Queue[Any]) -> None:
    queue.put(nested(199))
    assert queue.get() == nested(199)


def test_surrogate_pairs_are_text(queue: Queue[Any]) -> None:
    text = "\U0001f600 é \x00 \u2028"
    queue.put({text: text})
    assert queue.get() == {text: text}


@pytest.mark.parametrize("kind", [Job, Plain])
def test_types(caller: Caller, place: str, kind: type) -> None:
    with Queue("q", at=place, type=kind) as queue:
        caller.do(queue, "put", kind(3))
        assert caller.do(queue, "get") == kind(3)
        with pytest.raises(InvalidMessage, match=r"Expected `int`, got `str`"):
            caller.do(queue, "put", kind("three"))
        with pytest.raises(InvalidMessage, match=kind.__name__):
            caller.do(queue, "put", [1])
        assert queue.empty()
        queue.put_many([kind(1), kind(2)])
        assert queue.get_many(3) == [kind(1), kind(2)]
        queue.put(kind(4))
        assert queue.peek() == kind(4)
        with queue.receive() as delivery:
            assert delivery.item == kind(4)


def test_other_types(place: str) -> None:
    now = dt.datetime.now(dt.UTC)
    for number, (kind, item) in enumerate(
        [(Typed, {"id": 1}), (dict[str, int], {"a": 1}), (int | None, None), (dt.datetime, now), (bytes, b"\0"),
         (set[int], {1, 2}), (list[Job], [Job(1)])]
    ):  # fmt: skip
        with Queue(f"q{number}", at=place, type=kind) as queue:
            queue.put(item)
            assert queue.get() == item
            with pytest.raises(InvalidMessage):
                queue.put(1.5)


def test_type_any_is_no_type(place: str) -> None:
    for kind in (Any, object, None):
        with Queue("q", at=place, type=kind) as queue:
            with pytest.raises(InvalidMessage):
                queue.put({1})
            queue.put({"a": 1})
            assert queue.get() == {"a": 1}


@pytest.mark.parametrize("kind", [3, "Job", lambda: 1])
def test_what_is_no_type(place: str, kind: Any) -> None:
    with pytest.raises((TypeError, NameError)):
        Queue("q", at=place, type=kind)


def test_a_type_that_its_own_check_refuses(place: str) -> None:
    class Picky(msgspec.Struct):
        id: int

        def __post_init__(self) -> None:
            if self.id < 0:
                raise ValueError("below zero")

    with Queue("q", at=place) as anything, Queue("q", at=place, type=Picky) as picky:
        anything.put({"id": -1})
        anything.put({"id": 1})
        assert picky.get() == Picky(1)
        assert "below zero" in picky.dead.get()["reason"]


def test_raw(caller: Caller, place: str) -> None:
    with Queue("q", at=place, codec="raw") as queue:
        for item in (b"", b"\0\xff" * 10_000, bytearray(b"abc"), Bytes(b"sub"), memoryview(b"xyz")):
            if caller.kind == "process" and isinstance(item, memoryview):
                continue
            caller.do(queue, "put", item)
            assert caller.do(queue, "get") == bytes(item)
        for wrong in ("text", 1, None, [b"x"]):
            with pytest.raises(InvalidMessage, match="bytes"):
                caller.do(queue, "put", wrong)
        assert queue.empty()
        assert queue.stats().codec == "raw"


def test_the_codec_is_the_queues(place: str) -> None:
    with Queue("q", at=place, codec="raw") as first, Queue("q", at=place) as second:
        second.put(b"x")
        assert first.get() == b"x"
        with pytest.raises(ConfigMismatch) as caught:
            Queue("q", at=place, codec="json")
        assert "raw" in "".join(caught.value.__notes__)
        with pytest.raises(TypeError, match="raw"):
            Queue("q", at=place, type=Job)
        with Queue("q", at=place, type=bytes) as third:
            third.put(b"y")
            assert third.get() == b"y"


@pytest.mark.parametrize("codec", ["pickle", b"raw", 1, ""])
def test_no_other_codec(place: str, codec: Any) -> None:
    with pytest.raises(ValueError, match="codec"):
        Queue("q", at=place, codec=codec)


def test_too_large(queue: Queue[Any]) -> None:
    """64 MiB as it is encoded."""
    fits = "x" * ((64 << 20) - 2)
    queue.put(fits)
    assert queue.get() == fits
    for put in (queue.put, queue.put_nowait):
        with pytest.raises(MessageTooLarge, match="64 MiB"):
            put(fits + "x")
    assert queue.empty()
    queue.put(1)
    assert queue.get() == 1


def test_importing_the_package_imports_no_codec() -> None:
    import subprocess
    import sys

    code = "import sys, tocsin; print([m for m in ('msgspec', 'typing', 'queue', 'threading') if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert found == "[]\n"
