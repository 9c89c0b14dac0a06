"""Every block of code in README.md and docs/ does what it says, as it is printed.

The blocks of a page are run from top to bottom in a directory, a home and a place of their own. What has to be given
to one is in docs_given.py, and so is what isn't run, with the reason.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from docs_blocks import PAGES, ROOT, RUN, Block, blocks, pages
from docs_given import ELSEWHERE, GIVEN, NOT_RUN, Given, given
from docs_runs import Page

if TYPE_CHECKING:
    from pathlib import Path

FOUND = pages()

# A page is up to forty starts of programs, which a busy machine may take many times as long for.
pytestmark = pytest.mark.timeout(900)


def not_run(each: Block) -> bool:
    return any(each.page == page and each.first.startswith(first) for page, first in NOT_RUN)


@pytest.mark.parametrize("page", [page for page in FOUND if page not in ELSEWHERE])
def test_the_blocks_of_a_page(page: str, place: str, tmp_path: Path) -> None:
    directory = tmp_path / "here"
    directory.mkdir()
    tried = [each for each in FOUND[page] if each.language in RUN and not not_run(each)]
    with Page(directory, place) as reader:
        for each in tried:
            reader.run(each, given(page, each.first))
        reader.end({str(each): given(page, each.first) for each in tried})
    if reader.left_out:
        pytest.skip("; ".join(reader.left_out))


def test_no_block_is_overlooked() -> None:
    """What is neither run nor a picture or an output has a language that nobody here knows."""
    for path in PAGES:
        for each in blocks(path):
            known = each.language in RUN or not each.language or each.language.startswith("{")
            assert known, f"{each}: ```{each.language}: which of {', '.join(RUN)} is it?"


def block(text: str, language: str = "sh", output: str | None = None, *, waits: bool = False) -> Block:
    return Block("made-up.md", 1, language, waits, text, output)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (block("false\ntrue\n"), "exit 1"),
        (block("echo one\n", output="two\n"), "printed there"),
        (block("$ echo one\ntwo\n", "console"), "printed there"),
        (block("raise OSError\n", "python"), "exit 1"),
        (block("int main(void) { return 2; }\n", "c"), "exit 2"),
        (block("* * * * *  false\n", "crontab"), "exit 1"),
        (block("# x.service\n[Unit]\n[Service]\nExecStart=/usr/bin/other\n", "ini"), "x.service"),
        (block("true\n", waits=True), "doesn't wait"),
        (block("# never.py\nprint()\n", "python"), "never used"),
    ],
    ids=lambda each: each.language + (each.output or "") if isinstance(each, Block) else "",
)
def test_a_block_that_is_wrong_is_found_out(wrong: Block, says: str, place: str, tmp_path: Path) -> None:
    directory = tmp_path / "here"
    directory.mkdir()

    def read() -> None:
        with Page(directory, place) as reader:
            reader.run(wrong, Given())
            reader.end({str(wrong): Given()})

    with pytest.raises(AssertionError, match=says):
        read()


def test_what_is_said_to_hold_a_promise_is_there() -> None:
    """`tests/…` in a page: the file, and the test in it."""
    found = [name for path in PAGES for name in re.findall(r"`(tests/[\w/]+\.\w+(?:::\w+)?)`", path.read_text())]
    assert len(found) > 40
    for name in found:
        file, _, test = name.partition("::")
        assert (ROOT / file).exists(), name
        assert not test or f"def {test}(" in (ROOT / file).read_text(), name


def test_what_is_given_is_needed() -> None:
    """No entry for a block that isn't there any more."""
    for page, entries in GIVEN.items():
        for first in entries:
            assert any(each.first.startswith(first) for each in FOUND[page]), (page, first)
    for page, first in NOT_RUN:
        assert any(each.first.startswith(first) for each in FOUND[page]), (page, first)


@pytest.mark.parametrize(("page", "test"), ELSEWHERE.items())
def test_the_others_are_run_elsewhere(page: str, test: str) -> None:
    assert page.rpartition("/")[2] in (ROOT / test).read_text()
