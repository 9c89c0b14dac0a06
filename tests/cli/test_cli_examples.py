"""Every example of every --help, run as it is printed: by a real shell, in an empty directory and an empty place."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from harness.child import Child
from harness.commands import Run, said

from tocsin.cli._pages import EXAMPLES
from tocsin.cli._verbs import VERBS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PROGRAMS = [
    ["tocsin"],
    *(["tocsin", verb.name] for verb in VERBS if not verb.hidden),
    ["evt_set"],
    ["evt_clear"],
    ["evt_wait"],
]


def examples(text: str) -> list[str]:
    """What stands before the first empty line, each on a line of its own, two spaces in."""
    head = text.partition("\n\n")[0].splitlines()
    assert head, "help begins with examples"
    assert all(line.startswith("  ") and not line.startswith("   ") for line in head), head
    return [line[2:] for line in head]


def expected(line: str) -> int:
    found = re.search(r"#.*\bexit (\d+)", line)
    return int(found[1]) if found else 0


def script(lines: list[str]) -> Iterator[str]:
    for line in lines:
        yield line
        yield 'echo "code $?" >&3'
    yield "wait"  # what an example has put behind it ends by what the next ones do


@pytest.mark.parametrize("program", PROGRAMS, ids="-".join)
def test_the_examples_work_as_printed(program: list[str], run: Run, tmp_path: Path, place: str) -> None:
    lines = examples(said(run(*program, "--help")))
    assert any(" ".join(program) in line for line in lines), "an example of the verb itself"
    here = tmp_path / "here"
    here.mkdir()
    codes = tmp_path / "codes"
    bash = ["bash", "-c", f"exec 3>>'{codes}'\n" + "\n".join(script(lines))]
    with Child.of(bash, cwd=here) as shell:
        ended = shell.end()
        found = [int(line.split()[1]) for line in codes.read_text().splitlines()]
        assert found == [expected(line) for line in lines], f"{lines} {shell.rest} {shell.errors()}"
        assert ended == 0
        assert "Traceback" not in shell.errors()
    del place


def test_the_hidden_verbs_example_too(run: Run) -> None:
    assert said(run("tocsin", "complete", "--", "tocsin", "wait", "--ti")).startswith("--timeout\t")


def test_what_an_example_says_of_itself_is_a_comment() -> None:
    """Pasted words that were meant for the reader would be arguments."""
    for verb in VERBS:
        for line in verb.examples.splitlines():
            command = line.partition(" # ")[0].rstrip()
            assert "   " not in command, f"{verb.name}: {line!r}: a comment begins with #"
    assert all(" # " in line for line in EXAMPLES.splitlines())
