"""The others: a folder per kind of object, in it a file per peer."""

from __future__ import annotations

import os
from importlib import import_module

PLACE = "TOCSIN_BENCH_PLACE"  # the bench's own directory, for as long as it runs


class Absent(Exception):
    """This peer can't take part here; says why."""


def here() -> str:
    """The directory that objects and sockets live in."""
    return os.environ[PLACE]


def module(name: str) -> object:
    """Import a peer's module, or say that it isn't there."""
    try:
        return import_module(name)
    except ImportError as error:
        message = f"not installed ({error})"
        raise Absent(message) from error
