"""Passwords: the ways to give one, and that people never see it."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING

import pytest
from harness.servers import RedisServer

from tocsin import Event, TocsinError, Unreachable, WrongKind

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SECRET = "hush-7"


@pytest.fixture(scope="module")
def locked() -> Iterator[RedisServer]:
    with RedisServer("--requirepass", SECRET) as running:
        yield running


def test_in_the_address(locked: RedisServer) -> None:
    with Event("e", at=locked.url(password=SECRET)) as event:
        event.set()
        assert event.is_set()


def test_in_a_file(locked: RedisServer, tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text(f"{SECRET}\n")
    with Event("e", at=locked.url(password_file=path)) as event:
        assert not event.is_set()


@pytest.mark.parametrize("variable", ["PASSWORD", "PASSWORD_FILE"])
def test_in_the_environment(
    locked: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    path = tmp_path / "secret"
    path.write_text(SECRET)
    monkeypatch.setenv(f"TOCSIN_REDIS_{variable}", SECRET if variable == "PASSWORD" else str(path))
    with Event("e", at=locked.url()) as event:
        assert not event.is_set()


@pytest.mark.parametrize("password", [None, "wrong-8"])
def test_without_the_right_one(locked: RedisServer, password: str | None) -> None:
    options = {} if password is None else {"password": password}
    with pytest.raises(PermissionError, match="refuses this user") as caught:
        Event("e", at=locked.url(**options))
    assert "wrong-8" not in str(caught.value)


def test_nobody_is_shown_it(locked: RedisServer) -> None:
    url = locked.url(password=SECRET)
    with Event("e", at=url) as event:
        assert SECRET not in repr(event) + str(event.at) + str(event.stats()) + repr(event._server.address)
        with pytest.raises(WrongKind) as kind:
            Event("e/below", at=url)
        assert SECRET in url
        assert SECRET not in str(kind.value)


@pytest.mark.parametrize("url", [f"redis://:{SECRET}@127.0.0.1:1/0", f"unix:///nowhere/s?password={SECRET}"])
def test_errors_do_not_show_it(url: str) -> None:
    with pytest.raises(Unreachable) as caught:
        Event("e", at=url)
    seen: BaseException | None = caught.value
    while seen is not None:
        assert SECRET not in str(seen) + repr(seen)
        seen = seen.__cause__ or seen.__context__
    with pytest.raises(ValueError, match="bad place") as bad:
        Event("e", at=f"{url}{'&' if '?' in url else '?'}strange=1")
    assert SECRET not in str(bad.value)


def test_a_pickle_has_it_for_it_opens_the_object_again(locked: RedisServer) -> None:
    with Event("e", at=locked.url(password=SECRET)) as event:
        event.set()
        with pickle.loads(pickle.dumps(event)) as again:
            assert again.is_set()


def test_unreachable_is_what_people_catch() -> None:
    assert issubclass(Unreachable, TocsinError)
    assert issubclass(Unreachable, ConnectionError)
