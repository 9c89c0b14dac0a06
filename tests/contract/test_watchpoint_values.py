"""What a watchpoint is, what a handler takes, and what it says to everything else."""

from __future__ import annotations

import enum
import gc
import os
import pickle
from dataclasses import FrozenInstanceError
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tocsin import Watchpoint, WatchpointHandler

if TYPE_CHECKING:
    from collections.abc import Callable


class Stage(enum.Enum):
    ONE = "one"
    TWO = "two"


class Number(enum.IntEnum):
    ONE = 1


class Word(enum.StrEnum):
    ONE = "first"


def test_a_watchpoint_is_a_plain_value() -> None:
    point = Watchpoint(42, "test/subdir", "IAmNamed")
    assert (point.key, point.path, point.name) == (42, "test/subdir", "IAmNamed")
    assert point.directory == "test/subdir/IAmNamed.watch"
    assert point == Watchpoint(42, Path("test/subdir"), "IAmNamed")
    assert point != Watchpoint(42, "test/subdir", "other")
    assert hash(point) == hash(Watchpoint(42, "test/subdir", "IAmNamed"))
    assert pickle.loads(pickle.dumps(point)) == point
    assert repr(point) == "Watchpoint(key=42, path='test/subdir', name='IAmNamed')"
    with pytest.raises(FrozenInstanceError):
        point.name = "other"  # type: ignore[misc]


def test_a_str_is_its_own_name() -> None:
    assert Watchpoint("WP-A", ".").name == "WP-A"
    assert Watchpoint("WP-A", ".", "B").name == "B"
    assert Watchpoint(Word.ONE, ".").name == "first"


@pytest.mark.parametrize("key", [1, 0, -1, Stage.ONE, Number.ONE])
def test_any_other_key_needs_a_name(key: Any) -> None:
    with pytest.raises(TypeError, match="needs a name"):
        Watchpoint(key, ".")
    assert Watchpoint(key, ".", "n").key is key


@pytest.mark.parametrize("key", [None, 1.5, b"x", ("a",), True])
def test_what_is_no_key(key: Any) -> None:
    with pytest.raises(TypeError, match="key"):
        Watchpoint(key, ".", "n")


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "/a", "a/", "a\0", "x" * 250, "ä" * 125])
def test_what_is_no_name(name: str) -> None:
    for make in (lambda: Watchpoint(name, "."), lambda: Watchpoint(1, ".", name)):
        with pytest.raises(ValueError, match="can't be"):
            make()


@pytest.mark.parametrize("name", ["x" * 249, " ", "-rf", ".hidden", "ä", "new\nline", "\udcff", "a.watch"])
def test_what_is_a_name(name: str, place: str) -> None:
    with WatchpointHandler([Watchpoint(name, place)]) as handler:
        assert handler.create(name)
        assert os.listdir(place) == [f"{name}.watch"]
        assert handler.wait(name, 60)
        assert handler.changes(replay=True).look() == [(name, True)]


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [(("x", ""), ValueError), (("x", "a\0b"), ValueError), (("x", b"a"), TypeError), (("x", 1), TypeError),
     (("x", ".", 1), TypeError), (("x", ".", b"n"), TypeError)],
)  # fmt: skip
def test_what_is_no_path_and_no_name(arguments: tuple[Any, ...], kind: type[Exception]) -> None:
    with pytest.raises(kind):
        Watchpoint(*arguments)


def test_keys_are_found_as_in_a_dict(place: str) -> None:
    points = [Watchpoint(1, place, "one"), Watchpoint(Stage.TWO, place, "two"), Watchpoint("three", place)]
    with WatchpointHandler(points) as handler:
        assert handler.create(Number.ONE)
        assert handler.exists(1)
        assert handler.create(Stage.TWO)
        assert handler.watchpoints == tuple(points)
        assert handler.wait_any() == [1, Stage.TWO]


CALLS = {
    "create": lambda handler, key: handler.create(key),
    "remove": lambda handler, key: handler.remove(key),
    "exists": lambda handler, key: handler.exists(key),
    "wait": lambda handler, key: handler.wait(key, 0),
    "wait_removed": lambda handler, key: handler.wait_removed(key, 0),
    "wait_any": lambda handler, key: handler.wait_any("a", key, timeout=0),
    "wait_all": lambda handler, key: handler.wait_all("a", key, timeout=0),
}


@pytest.mark.parametrize("key", ["nobody", 3, None, [], "a.watch"])
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_an_unknown_key(call: Callable[..., Any], key: Any, place: str) -> None:
    with WatchpointHandler([Watchpoint("a", place), Watchpoint(7, place, "b")]) as handler:
        with pytest.raises(KeyError, match="which knows 'a', 7"):
            call(handler, key)
        assert os.listdir(place) == []


def test_a_key_twice(place: str) -> None:
    with pytest.raises(ValueError, match="'a' is given twice"):
        WatchpointHandler([Watchpoint("a", place), Watchpoint("a", f"{place}/other")])
    with pytest.raises(ValueError, match="twice"):
        WatchpointHandler([Watchpoint(1, place, "a"), Watchpoint(Number.ONE, place, "b")])


def test_one_directory_twice(place: str) -> None:
    os.symlink(place, f"{place}/link")
    for other in (place + "/", f"{place}/./", f"{place}/link", f"{place}/none/..", os.path.relpath(place)):
        with pytest.raises(ValueError, match="one directory"):
            WatchpointHandler([Watchpoint("a", place), Watchpoint(1, other, "a")])


@pytest.mark.parametrize("what", ["a", ("a", "."), None, 1])
def test_what_is_no_watchpoint(what: Any) -> None:
    with pytest.raises(TypeError, match="takes Watchpoints"):
        WatchpointHandler([what])


def test_a_handler_of_none() -> None:
    with WatchpointHandler([]) as handler:
        assert handler.wait_all(timeout=0)
        with pytest.raises(ValueError, match="no watchpoints"):
            handler.wait_any(timeout=0)
        with pytest.raises(KeyError, match="knows none"):
            handler.exists("a")
        assert handler.changes().look() == []


def test_a_relative_path_is_taken_when_the_handler_is_made(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)
    with WatchpointHandler([Watchpoint("a", "x")]) as handler:
        monkeypatch.chdir("/")
        assert handler.create("a")
        assert os.path.isdir(f"{place}/x/a.watch")
        with pickle.loads(pickle.dumps(handler)) as copy:
            assert copy.exists("a")


def test_repr_says_how_many_are_there(place: str) -> None:
    handler = WatchpointHandler([Watchpoint("a", place), Watchpoint("b", place)])
    handler.create("a")
    assert repr(handler) == "<tocsin.WatchpointHandler of 2 watchpoints: 1 there>"
    handler.close()
    assert repr(handler) == "<tocsin.WatchpointHandler of 2 watchpoints: closed>"


def test_a_handler_costs_nothing_until_somebody_waits(place: str) -> None:
    gc.collect()  # what earlier tests left
    before = len(os.listdir("/proc/self/fd"))
    with WatchpointHandler([Watchpoint("a", place)]) as handler:
        handler.create("a")
        assert handler.wait("a")
        assert handler.exists("a")
        assert len(os.listdir("/proc/self/fd")) == before
        stats = handler.stats()
        assert (stats.watchpoints, stats.how, stats.why, stats.watches) == (1, "inotify", None, 0)
