"""Keys that somebody else wrote, or broke: an error that names the object, never a crash."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from harness.callers import InThread

import tocsin
from tocsin import Event, ObjectDamaged, ObjectRemoved, WrongKind

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.servers import RedisServer

CALLS: dict[str, Callable[[Event], Any]] = {
    "is_set": lambda event: event.is_set(),
    "wait": lambda event: event.wait(0),
    "wait_clear": lambda event: event.wait_clear(0),
    "generation": lambda event: event.generation,
    "fileno": lambda event: event.fileno(),
    "stats": lambda event: event.stats(),
    "set": lambda event: event.set(),
}


def key_of(place: str, name: str) -> str:
    return f"{place.partition('prefix=')[2]}:{{{name}}}"


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("field", ["set", "generation"])
@pytest.mark.parametrize("value", [None, "many", "", "-"], ids=repr)
def test_a_damaged_field(server: RedisServer, place: str, field: str, value: str | None, call: str) -> None:
    key = key_of(place, "x")
    with Event("x", at=place) as event:
        server.ask("HDEL", key, field) if value is None else server.ask("HSET", key, field, value)
        with pytest.raises(ObjectDamaged, match=r"'x' at 'unix:.*' is damaged.*: remove its key, "):
            CALLS[call](event)
        assert "damaged" in repr(event)
        with pytest.raises(ObjectDamaged):
            Event("x", at=place)


@pytest.mark.parametrize("field", ["id", "created", "last", "mode"])
@pytest.mark.parametrize("value", [None, "many"], ids=repr)
def test_what_is_damaged_is_not_opened(server: RedisServer, place: str, field: str, value: str | None) -> None:
    Event("x", at=place).close()
    key = key_of(place, "x")
    server.ask("HDEL", key, field) if value is None else server.ask("HSET", key, field, value)
    with pytest.raises(ObjectDamaged):
        Event("x", at=place)


def test_a_strange_entry_in_the_stream_ends_the_wait(server: RedisServer, place: str) -> None:
    with Event("x", at=place) as event:
        wait = InThread(event.wait)
        wait.until_asleep()
        server.ask("XADD", f"{key_of(place, 'x')}:s:{event.stats().id}", "*", "of", "somebody else")
        with pytest.raises(ObjectDamaged):
            wait.result()


STRANGE = [("SET", "hello"), ("LPUSH", "hello"), ("HSET", "field", "value"), ("HSET", "kind", "signal", "format", 1)]


@pytest.mark.parametrize("command", STRANGE)
def test_a_key_of_another_kind(server: RedisServer, place: str, command: tuple[object, ...]) -> None:
    key = key_of(place, "x")
    server.ask(command[0], key, *command[1:])
    before = server.ask("DUMP", key)
    for create in (True, False):
        with pytest.raises(WrongKind, match="'x' at 'unix:"):
            Event("x", at=place, create=create)
    assert server.ask("DUMP", key) == before


def test_a_key_that_is_replaced_under_its_event(server: RedisServer, place: str) -> None:
    with Event("x", at=place) as event:
        server.ask("SET", key_of(place, "x"), "hello")
        for call in (event.is_set, event.set, event.wait):
            with pytest.raises(WrongKind):
                call()
        server.ask("DEL", key_of(place, "x"))
        with pytest.raises(ObjectRemoved):
            event.set()


def test_unlink_by_name_leaves_alone_what_is_not_ours(server: RedisServer, place: str) -> None:
    server.ask("SET", key_of(place, "x"), "hello")
    server.ask("HSET", key_of(place, "y"), "kind", "of somebody else")
    for name in ("x", "y"):
        with pytest.raises(WrongKind, match=f"'{name}' at 'unix:"):
            tocsin.unlink(name, at=place)
    assert server.ask("EXISTS", key_of(place, "x"), key_of(place, "y")) == 2
