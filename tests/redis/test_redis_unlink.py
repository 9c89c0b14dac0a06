"""`tocsin.unlink` at a server: by name, whatever it is."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from harness.places import objects_at
from harness.until import PATIENCE_S

import tocsin
from tocsin import Bus, DataEvent, Event, ObjectRemoved, Queue, Signal

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.servers import RedisServer

BIN = Path(sys.executable).parent

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


def rm(place: str, *words: str) -> subprocess.CompletedProcess[str]:
    call = [BIN / "tocsin", "rm", "x", "--at", place, *words]
    return subprocess.run(call, capture_output=True, text=True, timeout=PATIENCE_S, check=False)


@pytest.mark.parametrize("kind", MAKE)
@pytest.mark.parametrize(("field", "value"), [("id", "many"), ("created", "many"), ("format", "99")])
def test_by_force(server: RedisServer, place: str, kind: str, field: str, value: str) -> None:
    """What is damaged, or another version's, goes with all its keys; `rm` alone leaves it as it is."""
    make, call = MAKE[kind]
    main = f"{place.partition('prefix=')[2]}:{{x}}"
    with make("x", at=place) as one, make("xy", at=place) as other:
        call(one)
        server.ask("HSET", main, field, value)
        refused = rm(place)
        assert refused.returncode == 3, refused
        assert "damaged" in refused.stderr or "another version" in refused.stderr
        assert objects_at(place) == ["x", "xy"]
        forced = rm(place, "--force")
        assert (forced.returncode, forced.stderr) == (0, "")
        assert objects_at(place) == ["xy"]
        assert [key for key in server.ask("KEYS", f"{main}*") if server.ask("TTL", key) < 0] == []
        with pytest.raises(ObjectRemoved):
            call(one)
        call(other)
    with make("x", at=place) as anew:
        call(anew)


def test_a_strangers_key_stays(server: RedisServer, place: str) -> None:
    main = f"{place.partition('prefix=')[2]}:{{x}}"
    server.ask("HSET", main, "kind", "theirs")
    assert rm(place, "--force").returncode == 3
    assert server.ask("HGET", main, "kind") == b"theirs"
