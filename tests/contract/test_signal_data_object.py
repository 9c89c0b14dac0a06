"""Signals and data events as objects: repr, stats, names, kinds, and what is refused."""

from __future__ import annotations

import dataclasses
import gc
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from harness.moments import count_of, value_of
from harness.places import objects_at

import tocsin
from tocsin import DataEvent, Event, Signal, WrongKind

if TYPE_CHECKING:
    from harness.callers import Caller


def test_truthy_hashable_weakly_referable(kind: type[Any], place: str) -> None:
    one, two = kind("x", at=place), kind("x", at=place)
    assert one
    assert len({one, two, one}) == 2
    ref = weakref.ref(one)
    one.close()
    assert one
    del one
    gc.collect()
    assert ref() is None
    two.close()


def test_repr(kind: type[Any], place: str) -> None:
    word = "count" if kind is Signal else "version"
    name = f"tocsin.{kind.__name__}"
    with kind("job/x", at=place) as named, kind() as anonymous:
        assert repr(named) == f"<{name} 'job/x' at {place!r}: {word} 0>"
        named.signal(*value_of(named))
        assert repr(named) == f"<{name} 'job/x' at {place!r}: {word} 1>"
        assert repr(anonymous) == f"<{name} anonymous: {word} 0>"
        named.unlink()
        assert repr(named) == f"<{name} 'job/x' at {place!r}: removed, {word} 1>"
    assert repr(named) == f"<{name} 'job/x' at {place!r}: closed>"
    assert "never opened" in repr(kind.__new__(kind))


def test_stats(handle: Any, kind: type[Any]) -> None:
    handle.signal(*value_of(handle))
    stats = handle.stats()
    assert isinstance(stats, tocsin.SignalStats if kind is Signal else tocsin.DataEventStats)
    assert (stats.kind, stats.removed, stats.writable, stats.mode) == (handle._kind, False, True, 0o600)
    assert (stats.name, stats.at, stats.path) == (handle.name, handle.at, handle.path)
    assert (stats.count if kind is Signal else stats.version) == 1
    assert stats.waiting_here == 0
    assert 1.6e9 < stats.created < 1e11
    with pytest.raises(dataclasses.FrozenInstanceError):
        stats.mode = 0


def test_stats_count_who_waits(caller: Caller, handle: Any) -> None:
    if caller.kind == "process":
        return  # waits on a handle of its own
    wait = caller.asleep(handle, "wait")
    assert handle.stats().waiting_here == 1
    assert handle.stats().listeners or isinstance(handle, DataEvent)
    handle.signal(*value_of(handle))
    wait.result()
    assert handle.stats().waiting_here == 0


def test_every_public_call_is_documented(kind: type[Any]) -> None:
    public = [name for name in dir(kind) if not name.startswith("_") and callable(getattr(kind, name))]
    assert [name for name in public if not getattr(kind, name).__doc__] == []
    assert "race" in kind.__doc__


def test_not_initialised_twice(handle: Any) -> None:
    with pytest.raises(ValueError, match="initialised once"):
        handle.__init__()
    handle.signal(*value_of(handle))


@pytest.mark.parametrize("name", ["", "/", "a//b", ".x", "-x", "x\0", "é", "a" * 201, "a/../b"])
def test_bad_names(kind: type[Any], place: str, name: str) -> None:
    with pytest.raises(ValueError, match="bad name"):
        kind(name, at=place)
    assert objects_at(place) == []


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"name": 5}, TypeError),
        ({"name": b"x"}, TypeError),
        ({"name": "x", "at": "nowhere"}, ValueError),
        ({"name": "x", "at": 5}, TypeError),
        ({"name": "x", "mode": 0o444}, ValueError),
        ({"name": "x", "mode": True}, ValueError),
        ({"name": "x", "mode": "0600"}, ValueError),
        ({"name": "x", "spin": 1}, TypeError),
    ],
)
def test_bad_arguments(kind: type[Any], place: str, arguments: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        kind(**{"at": place, **arguments})
    assert objects_at(place) == []


def test_arguments_are_by_name(kind: type[Any], place: str) -> None:
    with pytest.raises(TypeError):
        kind("x", place)


def test_create_false_makes_nothing(kind: type[Any], place: str) -> None:
    with pytest.raises(FileNotFoundError, match="create=True"):
        kind("x", at=place, create=False)
    assert objects_at(place) == []
    with kind("x", at=place), kind("x", at=place, create=False) as found:
        found.signal(*value_of(found))


@pytest.mark.local("names that are paths are files")
def test_a_path_is_a_name(kind: type[Any], place: str) -> None:
    with kind(f"{place}/x") as by_path, kind("x", at=place) as by_name:
        by_path.signal(*value_of(by_path))
        assert count_of(by_name) == 1


@pytest.mark.parametrize("other", [Event, Signal, DataEvent])
def test_the_wrong_kind(kind: type[Any], other: type[Any], place: str) -> None:
    if other is kind:
        return
    with other("x", at=place), pytest.raises(WrongKind, match="another kind"):
        kind("x", at=place)
    with pytest.raises(WrongKind):
        kind("x/y", at=place)


def test_another_mode_is_a_mismatch(kind: type[Any], place: str) -> None:
    with kind("x", at=place, mode=0o640) as made:
        assert made.stats().mode == 0o640
        with pytest.raises(tocsin.ConfigMismatch, match="another mode"):
            kind("x", at=place, mode=0o600)
        with kind("x", at=place):
            pass


@pytest.mark.local("a server has no files")
def test_a_damaged_file(kind: type[Any], place: str) -> None:
    with kind("x", at=place) as made:
        path = made.path
    content = bytearray(Path(path).read_bytes())
    content[0] ^= 0xFF
    Path(path).write_bytes(content)
    with pytest.raises(tocsin.ObjectDamaged):
        kind("x", at=place)
