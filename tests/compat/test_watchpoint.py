"""The seed's document, which is all that is left of it: its examples, run, and the directory trees that it shows."""

from __future__ import annotations

import doctest
import enum
import inspect
from typing import TYPE_CHECKING

import pytest

from tocsin import WatchpointHandler as Ours
from tocsin.compat import watchpoint
from tocsin.compat.watchpoint import Watchpoint, WatchpointHandler

if TYPE_CHECKING:
    from pathlib import Path

#: Word for word.
EXAMPLE = """
# Example implementation
>>> l_example = [Watchpoint('WP-A', '.'), Watchpoint(42, 'test/subdir', 'IAmNamed')]
>>> handler = WatchpointHandler(l_example)
>>> handler.create('WP-A')
>>> handler.create(42)
>>> handler.exists('WP-A')
True
>>> handler.exists(42)
True
"""
REMOVAL = """
# Remove the named watchpoint
>>> handler.remove(42)
"""


def trees(cwd: Path) -> set[str]:
    return {str(path.relative_to(cwd)) + "/" for path in cwd.rglob("*") if path.is_dir()}


def run(text: str, names: dict[str, object]) -> None:
    test = doctest.DocTestParser().get_doctest(text, names, "document", None, 0)
    runner = doctest.DocTestRunner()
    runner.run(test, clear_globs=False)
    assert (runner.tries, runner.failures) == (text.count(">>>"), 0)
    names.update(test.globs)


def test_the_documents_examples_give_its_trees(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"Watchpoint": Watchpoint, "WatchpointHandler": WatchpointHandler}
    run(EXAMPLE, names)
    assert trees(tmp_path) == {"WP-A.watch/", "test/", "test/subdir/", "test/subdir/IAmNamed.watch/"}
    run(REMOVAL, names)
    assert trees(tmp_path) == {"WP-A.watch/", "test/", "test/subdir/"}


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
