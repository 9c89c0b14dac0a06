"""`tocsin.unlink` at a server: by name, whatever it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from harness.places import objects_at

import tocsin
from tocsin import Bus, DataEvent, Event, ObjectRemoved, Queue, Signal

if TYPE_CHECKING:
    from collections.abc import Callable

#: How each is made, and a call that finds out.
MAKE: dict[str, tuple[Callable[..., Any], Callable[[Any], object]]] = {
    "event": (Event, lambda one: one.is_set()),
    "signal": (Signal, lambda one: one.signal()),
    "data": (DataEvent, lambda one: one.signal({"a": 1})),
    "queue": (Queue, lambda one: one.put(1)),
    "bus": (Bus, lambda one: one.emit("t", (1,))),
}


@pytest.mark.parametrize("kind", MAKE)
def test_unlink_by_name(place: str, kind: str) -> None:
    make, call = MAKE[kind]
    with make("x", at=place) as one, make("y", at=place) as other:
        call(one)
        assert tocsin.unlink("x", at=place) is None
        with pytest.raises(ObjectRemoved):
            call(one)
        assert objects_at(place) == ["y"]
        call(other)
        with pytest.raises(FileNotFoundError, match=r"'x' at 'unix:.*' does not exist"):
            tocsin.unlink("x", at=place)
