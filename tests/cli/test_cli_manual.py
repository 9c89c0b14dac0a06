"""The manual page: what the tables say, sound for the programs that render it, and installed where `man` looks."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from harness.commands import Run, said

from tocsin.cli import _codes
from tocsin.cli._manual import manual
from tocsin.cli._verbs import VERBS

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/tocsin.1"


def test_the_page_is_what_the_tables_say(run: Run) -> None:
    assert PAGE.read_text() == manual(), "python -m tocsin.cli._manual > docs/tocsin.1"
    assert said(run(sys.executable, "-m", "tocsin.cli._manual")) == manual()


def test_it_has_everything() -> None:
    text = manual().replace("\\-", "-")
    for verb in VERBS:
        assert (f".SS tocsin {verb.name}" in text) != verb.hidden
        assert all(flag in text for option in verb.options for flag in option.flags)
    assert all(f".B {code}\n" in text for code in _codes.MEANINGS)
    for line in manual().splitlines():
        if line.startswith("."):
            assert line.split()[0] in {".TH", ".SH", ".SS", ".TP", ".PP", ".B", ".nf", ".fi", ".RS", ".RE", '.\\"'}, (
                line
            )


def has(program: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(not shutil.which(program), reason=f"{program} is not installed (.ci/run installs it)")


@has("mandoc")
def test_mandoc_has_nothing_to_say(run: Run) -> None:
    assert said(run("mandoc", "-Tlint", "-W", "warning", str(PAGE))) == ""


@has("groff")
def test_groff_has_nothing_to_say(run: Run) -> None:
    result = run("groff", "-man", "-ww", "-Tutf8", str(PAGE))
    assert (result.returncode, result.stderr) == (0, "")
    assert "tocsin wait" in result.stdout


def test_it_is_installed() -> None:
    """`man tocsin` finds share/man beside the bin of an environment that is on PATH."""
    found = Path(sys.prefix, "share/man/man1/tocsin.1")
    assert found.read_text().splitlines()[0] == PAGE.read_text().splitlines()[0]
    if shutil.which("man"):
        where = subprocess.run(
            ["man", "-w", "tocsin"], capture_output=True, text=True, check=False,
            env={"PATH": f"{sys.prefix}/bin:/usr/bin:/bin"}
        )  # fmt: skip
        if where.returncode == 0:
            assert Path(where.stdout.strip()).resolve() == found.resolve()
