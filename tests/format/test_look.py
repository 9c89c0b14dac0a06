"""`look_at` reads what anybody may have written: whatever a file says, it answers, and maps nothing."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from tocsin import DataEvent, Event, Lock, Queue, Signal, _core
from tocsin._topic import Topic

KINDS = (Event, Signal, DataEvent, Queue, Lock, Topic)
REFUSED = {-errno.EUCLEAN, -errno.EPROTO, -errno.EMEDIUMTYPE}


def image_of(kind: type[Any], place: str) -> Path:
    made = kind("x", at=place)
    for act in ("put", "signal", "emit"):
        if hasattr(made, act) and kind is not Signal:
            getattr(made, act)(b"x" if kind is Topic else 1)
    made.close()
    return Path(place, "x")


def look(path: Path) -> dict[str, Any] | int:
    return _core.look_at(os.fsencode(path))


@pytest.mark.parametrize("kind", KINDS)
def test_any_byte_may_be_wrong(kind: type[Any], place: str) -> None:
    path = image_of(kind, place)
    sound = look(path)
    assert isinstance(sound, dict)
    with path.open("r+b", buffering=0) as file:
        whole = file.read(4096)
        for at, byte in enumerate(whole):
            for wrong in (byte ^ 0xFF, byte ^ 1) if at < 352 else (byte ^ 0xFF,):
                os.pwrite(file.fileno(), bytes([wrong]), at)
                found = look(path)
                if at < 40:  # the head's own check covers it
                    assert found in REFUSED, at
                else:
                    assert isinstance(found, dict) or found in REFUSED, at
            os.pwrite(file.fileno(), whole[at : at + 1], at)
    assert look(path) == sound


@pytest.mark.parametrize("kind", KINDS)
def test_any_length_may_be_wrong(kind: type[Any], place: str) -> None:
    path = image_of(kind, place)
    size = path.stat().st_size
    for length in (*range(0, 400, 8), *range(400, size, max(8, size // 100))):
        os.truncate(path, length)
        assert look(path) == -errno.EUCLEAN, length
    for wild in (b"\xff" * size, os.urandom(size)):
        path.write_bytes(wild)
        assert look(path) in REFUSED


def test_all_of_it_is_wild_but_the_head(place: str) -> None:
    """Counts, holders and tables of nonsense are told as they are, or refused."""
    for kind in KINDS:
        path = image_of(kind, place)
        image = path.read_bytes()
        for _ in range(50):
            path.write_bytes(image[:40] + os.urandom(len(image) - 40))
            found = look(path)
            assert isinstance(found, dict) or found in REFUSED
        path.unlink()
