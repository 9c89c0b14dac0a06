"""What the seed's document says, and what it leaves open. Its examples themselves are run by test_documents.py."""

from __future__ import annotations

import enum
import inspect
from typing import TYPE_CHECKING

import pytest

from tocsin import WatchpointHandler as Ours
from tocsin.compat import watchpoint
from tocsin.compat.watchpoint import Watchpoint, WatchpointHandler

if TYPE_CHECKING:
    from pathlib import Path

def trees(cwd: Path) -> set[str]:
    return {str(path.relative_to(cwd)) + "/" for path in cwd.rglob("*") if path.is_dir()}


def test_the_names_and_the_constructor() -> None:
    assert watchpoint.__all__ == ["Watchpoint", "WatchpointHandler"]
    assert list(inspect.signature(Watchpoint).parameters) == ["key", "path", "name"]
    assert inspect.signature(Watchpoint).parameters["name"].default is None
    point = Watchpoint("k", "p")
    assert (point.key, point.path, point.name) == ("k", "p", "k")


def test_an_enum_as_a_long_list_of_keys(tmp_path: Path) -> None:
    class Step(enum.Enum):
        FETCH = 1
        BUILD = 2

    handler = WatchpointHandler([Watchpoint(step, tmp_path, step.name) for step in Step])
    handler.create(Step.BUILD)
    assert trees(tmp_path) == {"BUILD.watch/"}
    assert not handler.exists(Step.FETCH)


def test_an_int_without_a_name_is_refused() -> None:
    with pytest.raises(TypeError):
        Watchpoint(42, "test/subdir")


def test_what_the_document_leaves_open(tmp_path: Path) -> None:
    """Twice, and of none: no error. Nothing is added later."""
    handler = WatchpointHandler([Watchpoint("a", tmp_path)])
    assert handler.create("a") is handler.create("a") is None
    assert handler.remove("a") is handler.remove("a") is None
    with pytest.raises(KeyError):
        handler.create("b")
    assert isinstance(handler, Ours)
    handler.create("a")
    assert handler.wait("a", 60)
