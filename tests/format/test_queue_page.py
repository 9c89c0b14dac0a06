"""docs/design/queue.md and core/objects/queue.h say the same about a queue's file, and a file agrees."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from harness.image import ROOT

from tocsin import Queue

if TYPE_CHECKING:
    from pathlib import Path

PAGE = (ROOT / "docs/design/queue.md").read_text()
SOURCE = (ROOT / "core/objects/queue.h").read_text()


def rows() -> dict[str, int]:
    return {name: int(at) for at, name in re.findall(r"^\| (\d+) \| (\w+)", PAGE, re.MULTILINE)}


def test_the_page_has_the_offsets_that_the_compiler_asserts() -> None:
    asserted = re.findall(r"offsetof\(struct toc_queue_file, (\w+)\) == (\d+)", SOURCE)
    assert {name: int(at) for name, at in asserted}.items() <= rows().items()
    assert set(rows()) - {name for name, _ in asserted} == {"head"}


def test_a_file_is_as_long_as_the_page_says_and_costs_less(tmp_path: Path) -> None:
    with Queue("q", at=f"{tmp_path}/") as queue:
        assert queue.path is not None
        found = os.stat(queue.path)
    (figures,) = re.findall(r"([\d,]+) bytes long, of which ([\d,]+) are", PAGE)
    long, allocated = (int(n.replace(",", "")) for n in figures)
    assert found.st_size == long
    assert allocated <= found.st_blocks * 512 <= allocated + 8192, "a file system may round up"
    assert re.search(rf"sizeof\(struct toc_queue_file\) == {long}\b", SOURCE)


def test_a_used_queue_names_its_parts_as_the_page_says(tmp_path: Path) -> None:
    with Queue("q", at=f"{tmp_path}/") as queue:
        queue.put("item")
        names = {p.name for p in tmp_path.iterdir()}
        number = queue.stats().id
        parts = {name for name in names if re.fullmatch(rf"\.q\.{number:016x}\.\d+", name)}
        assert len(parts) == 1
        assert names == parts | {"q", ".tocsin.owners"}
        queue.unlink()
    assert {p.name for p in tmp_path.iterdir()} == {".tocsin.owners"}
