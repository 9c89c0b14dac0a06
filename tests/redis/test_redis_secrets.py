"""Passwords of a server without users, and of one that is not there; `test_redis_security` has the ways to give one."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING

import pytest
from harness.servers import RedisServer

from tocsin import Event, TocsinError, Unreachable

if TYPE_CHECKING:
    from collections.abc import Iterator

SECRET = "hush-7"


@pytest.fixture(scope="module")
def locked() -> Iterator[RedisServer]:
    with RedisServer("--requirepass", SECRET) as running:
        yield running


def test_in_the_address(locked: RedisServer) -> None:
    with Event("e", at=locked.url(password=SECRET)) as event:
        event.set()
        assert event.is_set()


@pytest.mark.parametrize("password", [None, "wrong-8"])
def test_without_the_right_one(locked: RedisServer, password: str | None) -> None:
    options = {} if password is None else {"password": password}
    with pytest.raises(PermissionError, match="refuses this user") as caught:
        Event("e", at=locked.url(**options))
    assert "wrong-8" not in str(caught.value)


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
