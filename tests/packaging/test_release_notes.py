"""changes/: every fragment would come into the release notes, and says something."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CONFIG = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["towncrier"]
TYPES = [kind["directory"] for kind in CONFIG["type"]]
FRAGMENTS = sorted(path for path in (ROOT / CONFIG["directory"]).iterdir() if path.name not in CONFIG["ignore"])


@pytest.mark.parametrize("path", FRAGMENTS, ids=lambda path: path.name)
def test_a_fragment_is_of_a_known_type_and_says_something(path: Path) -> None:
    named = re.fullmatch(r"\+[a-z0-9-]+\.(\w+)\.md", path.name)
    assert named, "+WORD.TYPE.md: see changes/README.md"
    assert named[1] in TYPES
    text = path.read_text()
    assert len(text.split()) > 3
    assert text.endswith(".\n"), "a sentence"
    assert not text.startswith(("-", "*", "#")), "towncrier makes the list"


def test_the_page_lists_the_types() -> None:
    assert re.findall(r"^\| `(\w+)` \|", (ROOT / "changes/README.md").read_text(), re.MULTILINE) == TYPES


def test_the_changelog_has_the_place_where_releases_go() -> None:
    assert (ROOT / CONFIG["filename"]).read_text().count(CONFIG["start_string"]) == 1
