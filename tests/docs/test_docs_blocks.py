"""Every block of code in README.md and docs/ does what it says, as it is printed.

The blocks of a page are run from top to bottom in a directory, a home and a place of their own. What has to be given
to one is in docs_given.py, and so is what isn't run, with the reason.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from docs_blocks import ROOT, RUN, pages
from docs_given import ELSEWHERE, GIVEN, NOT_RUN, given
from docs_runs import Page

if TYPE_CHECKING:
    from pathlib import Path

    from docs_blocks import Block

FOUND = pages()


def not_run(block: Block) -> bool:
    return any(block.page == page and block.first.startswith(first) for page, first in NOT_RUN)


@pytest.mark.parametrize("page", [page for page in FOUND if page not in ELSEWHERE])
def test_the_blocks_of_a_page(page: str, place: str, tmp_path: Path) -> None:
    directory = tmp_path / "here"
    directory.mkdir()
    blocks = [block for block in FOUND[page] if block.language in RUN and not not_run(block)]
    with Page(directory, place) as reader:
        for block in blocks:
            reader.run(block, given(page, block.first))
        reader.end({str(block): given(page, block.first) for block in blocks})
    if reader.left_out:
        pytest.skip("; ".join(reader.left_out))


def test_what_is_given_is_needed() -> None:
    """No entry for a block that isn't there any more."""
    for page, entries in GIVEN.items():
        for first in entries:
            assert any(block.first.startswith(first) for block in FOUND[page]), (page, first)
    for page, first in NOT_RUN:
        assert any(block.first.startswith(first) for block in FOUND[page]), (page, first)


@pytest.mark.parametrize(("page", "test"), ELSEWHERE.items())
def test_the_others_are_run_elsewhere(page: str, test: str) -> None:
    assert page.rpartition("/")[2] in (ROOT / test).read_text()
