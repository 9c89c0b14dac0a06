"""docs/design/topic.md and core/objects/topic.h say the same about a topic's file, and a file agrees."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from harness.image import ROOT

from tocsin._topic import Topic

if TYPE_CHECKING:
    from pathlib import Path

PAGE = (ROOT / "docs/design/topic.md").read_text()
SOURCE = (ROOT / "core/objects/topic.h").read_text()


def test_the_page_has_the_offsets_that_the_compiler_asserts() -> None:
    rows = {name: int(at) for at, name in re.findall(r"^\| (\d+) \| (\w+)", PAGE, re.MULTILINE)}
    asserted = re.findall(r"offsetof\(struct toc_topic_file, (\w+)\) == (\d+)", SOURCE)
    assert rows == {**{name: int(at) for name, at in asserted}, "head": 0}


def test_a_file_is_as_long_as_the_page_says_and_costs_less(tmp_path: Path) -> None:
    with Topic("x", at=f"{tmp_path}/") as topic:
        assert topic.path is not None
        found = os.stat(topic.path)
    (figures,) = re.findall(r"([\d,]+) bytes long, of which ([\d,]+) are", PAGE)
    long, allocated = (int(n.replace(",", "")) for n in figures)
    assert found.st_size == long
    assert allocated <= found.st_blocks * 512 <= allocated + 8192, "a file system may round up"
    assert re.search(rf"sizeof\(struct toc_topic_file\) == {long}\b", SOURCE)


def test_a_used_topic_leaves_nothing_but_who_lives(tmp_path: Path) -> None:
    with Topic("x", at=f"{tmp_path}/", replay=0) as topic:
        topic.emit(b"payload")
        names = {p.name for p in tmp_path.iterdir()}
        number = topic.stats().id
        parts = {name for name in names if re.fullmatch(rf"\.x\.{number:016x}\.\d+", name)}
        assert len(parts) == 1
        assert names == parts | {"x", ".tocsin.owners"}
        topic.unlink()
    assert {p.name for p in tmp_path.iterdir()} == {".tocsin.owners"}
