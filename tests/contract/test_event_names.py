"""Names and places: what is refused, and that each refusal says which object, which place and what to do."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from harness.child import Child
from harness.places import objects_at

import tocsin
from tocsin import Event

if TYPE_CHECKING:
    from harness.servers import RedisServer

BAD_NAMES = {
    "": "may not be empty",
    "a b": "may contain A-Z",
    "ä": "may contain A-Z",
    "a:b": "may contain A-Z",
    "a\nb": "may contain A-Z",
    "a\\b": "may contain A-Z",
    "a*": "may contain A-Z",
    "a!b": "may contain A-Z",
    "\0": "NUL",
    "a\0b": "NUL",
    ".hidden": r"may not begin with '\.' or '-'",
    "..": r"may not begin with '\.' or '-'",
    "../x": r"may not begin with '\.' or '-'",
    "a/../b": r"may not begin with '\.' or '-'",
    "a/./b": r"may not begin with '\.' or '-'",
    "-x": r"may not begin with '\.' or '-'",
    "a/-x": r"may not begin with '\.' or '-'",
    "a//b": "may not be empty",
    "a/": "may not end in '/'",
    "x" * 201: "longer than 200",
    "a/" * 100 + "b": "longer than 200",
    "/": "must end in the name of a file",
    "./": "must end in the name of a file",
    "/tmp/": "must end in the name of a file",
    "/tmp/.x": r"may not begin with '\.'",
    "./.x": r"may not begin with '\.'",
    "/tmp/" + "x" * 201: "longer than 200",
    "\udcff": "may contain A-Z",
}

BAD_PLACES = {
    "here": "directory, which contains a '/'",
    "User": "directory, which contains a '/'",
    " user": "directory, which contains a '/'",
    ".": "directory, which contains a '/'",
    "redis//localhost:6379": "a server's place is redis://HOST",
    "redis:/localhost": "a server's place is redis://HOST",
    "unix:/run/redis.sock": "a server's place is redis://HOST",
    "localhost:6379": "redis://HOST, or a directory",
    "http://localhost": "begins with redis://, rediss:// or unix://",
    "redis://": "names no host",
    "unix://x": "path of the server's socket",
    "/tmp\0": "NUL",
}


@pytest.mark.parametrize("name", BAD_NAMES, ids=lambda n: ascii(n)[:24])
def test_a_bad_name_is_a_value_error_that_says_why(place: str, name: str) -> None:
    for call in (lambda: Event(name, at=place), lambda: tocsin.unlink(name, at=place)):
        with pytest.raises(ValueError, match=BAD_NAMES[name]) as caught:
            call()
        assert f"bad name {name!r}" in str(caught.value)
    assert objects_at(place) == []


@pytest.mark.parametrize("at", [*BAD_PLACES, ""], ids=ascii)
def test_a_bad_place_is_a_value_error_that_says_why(at: str) -> None:
    for call in (lambda: Event("x", at=at), lambda: tocsin.unlink("x", at=at)):
        with pytest.raises(ValueError, match=BAD_PLACES.get(at, "place")) as caught:
            call()
        assert f"bad place {at!r}" in str(caught.value)


@pytest.mark.parametrize("at", BAD_PLACES, ids=ascii)
def test_a_bad_place_in_the_environment(monkeypatch: pytest.MonkeyPatch, at: str) -> None:
    if "\0" in at:
        return  # the environment can't hold it
    monkeypatch.setenv("TOCSIN_AT", at)
    with pytest.raises(ValueError, match=BAD_PLACES[at]) as caught:
        Event("x")
    assert f"bad place {at!r}" in str(caught.value)


@pytest.mark.parametrize("name", [b"x", 1, 1.5, ["x"], ...], ids=repr)
def test_a_name_of_another_type(place: str, name: object) -> None:
    with pytest.raises(TypeError, match="a name must be a str or a path"):
        Event(name, at=place)


@pytest.mark.parametrize("at", [b"/tmp", 1, ["user"]], ids=repr)
def test_a_place_of_another_type(at: object) -> None:
    with pytest.raises(TypeError, match="at must be a place"):
        Event("x", at=at)


@pytest.mark.parametrize("name", ["x", "A", "0", "a.b-c_d", "a/b/c/d.e", "_", "x" * 200, "a/" * 99 + "bc", "a..b"])
def test_good_names(place: str, name: str) -> None:
    with Event(name, at=place) as event, Event(name, at=place, create=False) as other:
        event.set()
        assert other.is_set()
        assert event.path == (None if event.is_far else f"{place}/{name}")
        event.unlink()


@pytest.mark.local("folders are the file system's")
def test_folders_in_names_are_folders(place: str) -> None:
    with Event("a/b/x", at=place), Event("a/b/y", at=place):
        assert sorted(os.listdir(f"{place}/a/b")) == ["x", "y"]


def test_looking_makes_no_folder(place: str) -> None:
    with pytest.raises(FileNotFoundError):
        Event("a/b/x", at=place, create=False)
    with pytest.raises(FileNotFoundError):
        tocsin.unlink("a/b/x", at=place)
    assert objects_at(place) == []


@pytest.mark.local("a path is a file of this host")
def test_a_path_is_that_file_whatever_the_place(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)
    for name in (f"{place}/x", "./x", Path("x"), Path(place) / "x"):
        with Event(name, at="user") as event, Event(f"{place}/x") as other:
            assert event.path == f"{place}/x"
            assert event.generation == other.generation
            event.set()
            assert other.is_set()
            other.clear()


def test_a_path_is_that_file_also_where_the_place_is_a_server(
    tmp_path: Path, server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TOCSIN_AT", server.url())
    for event in (Event("./x"), Event(tmp_path / "x"), Event(f"{tmp_path}/x", at=server.url())):
        with event:
            assert event.path == f"{tmp_path}/x"
            assert event.generation == 0
            assert event.at == "user", "the server has no part in it, and its URL may hold a password"
    with Event() as anonymous:
        anonymous.set()
    tocsin.unlink("./x")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.local("a path is a file of this host")
def test_a_relative_path_is_resolved_when_the_object_is_made(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)
    with Event("./x") as event:
        monkeypatch.chdir("/")
        event.fileno()
        event.set()
        assert event.path == f"{place}/x"
        event.unlink()
    assert os.listdir(place) == []


@pytest.mark.local("a path is a file of this host")
@pytest.mark.parametrize("form", ["{}", "{}/", "{}//", "./", "../{0.name}", "sub/.."])
def test_places_in_every_spelling(place: str, monkeypatch: pytest.MonkeyPatch, form: str) -> None:
    monkeypatch.chdir(place)
    os.mkdir("sub")
    at = form.format(Path(place)) if form != "../{0.name}" else f"../{Path(place).name}"
    with Event("x", at=at) as event, Event("x", at=place) as other:
        event.set()
        assert other.is_set()
        monkeypatch.chdir("/")
        event.clear()
        event.fileno()
        assert not other.is_set()


@pytest.mark.local("a path is a file of this host")
def test_a_place_as_a_path_object(place: str) -> None:
    with Event("x", at=Path(place)) as event, Event("x", at=place) as other:
        event.set()
        assert other.is_set()


def test_the_environment_is_the_default(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_AT", place)
    with Event("x") as event, Event("x", at=place) as other:
        assert event.at == place
        event.set()
        assert other.is_set()
        tocsin.unlink("x")
        with pytest.raises(tocsin.ObjectRemoved):
            other.set()


def test_an_argument_wins_over_the_environment(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_AT", "/nowhere/at/all")
    with Event("x", at=place) as event:
        assert event.at == place


def test_an_empty_environment_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    with Child("say(Event('tocsin-test/empty', create=False))", env={"TOCSIN_AT": ""}) as child:
        assert child.end() == 1
        assert "'tocsin-test/empty' at 'user'" in child.errors()


def test_no_place_is_needed_for_an_anonymous_event(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_AT", "/nowhere/at/all")
    with Event() as event:
        event.set()
