"""The door of this backend: all that the floors below it and the commands ask of a server, whatever stands behind.

`tocsin._place.BACKENDS` says which URLs lead here. A second backend is a package with a door that has these names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tocsin._place import effective
from tocsin._redis import far
from tocsin._redis.address import read, shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tocsin._place import Path

__all__ = ["check", "far", "key", "look", "names", "remove", "shown"]


def check(url: str) -> None:
    """ValueError: this can't be the URL of a place here, and why. Asks nobody."""
    read(url)


def names(at: Path | None, begin: str = "") -> Iterator[str]:
    """Of the objects that are there now and begin like this, in no order."""
    from tocsin._redis import look

    return look.names(at, begin)


def look(name: str, at: Path | None) -> dict[str, Any]:
    """What `_core.look_at` tells of a file, as far as it is known there. FileNotFoundError: there is none."""
    from tocsin._redis import look

    return look.look(name, at)


def key(name: str, at: Path | None) -> str:
    """Under what the object is found there by who looks without tocsin."""
    from tocsin._redis.server import server_at

    return server_at(effective(at)).key(name).decode()


def remove(name: str, at: Path | None) -> None:
    """As `tocsin.unlink`."""
    from tocsin._redis.unlink import unlink

    unlink(name, at)
