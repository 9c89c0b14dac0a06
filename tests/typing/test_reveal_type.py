"""`Queue("jobs", type=Job)` is a Queue[Job] to mypy and to pyright, and its items are Jobs."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).parent / "reveal.py"

#: line -> what a checker says of it: the type that it shows, or "error"
Said = dict[int, str]


def wanted() -> Said:
    found = {}
    for number, line in enumerate(PROGRAM.read_text().splitlines(), 1):
        code, comment, said = line.partition("  # ")
        if comment and ("reveal_type(" in code or said == "error"):
            found[number] = said
    return found


def run(*command: str, cwd: Path) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd, timeout=280)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return done.stdout


def plain(shown: str) -> str:
    """Without modules; a TypedDict and a NamedTuple by their names alone."""
    shown = re.sub(r"\b(?:\w+\.)+(?=\w)", "", shown)
    shown = re.sub(r"tuple\[(?:[^\[\]]|\[[^\[\]]*\])*, fallback=(\w+)\]", r"\1", shown)
    return re.sub(r"TypedDict\((\w+), \{.*?\}\)", r"\1", shown)


def test_the_program_says_something() -> None:
    assert len(wanted()) > 30
    assert "error" in wanted().values()


@pytest.mark.timeout(300)
def test_mypy(tmp_path: Path) -> None:
    shutil.copy(PROGRAM, tmp_path)  # away from this repository's own configuration
    out = run(sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path), "reveal.py", cwd=tmp_path)
    said: Said = {}
    for line in out.splitlines():
        found = re.match(r"reveal\.py:(\d+): (error|note): (.*)", line)
        if found and found[2] == "error":
            said[int(found[1])] = "error"
        elif found and (shown := re.match(r'Revealed type is "(.*)"', found[3])):
            said[int(found[1])] = plain(shown[1])
    assert said == wanted(), out


@pytest.mark.timeout(300)
def test_pyright(tmp_path: Path) -> None:
    pytest.importorskip("pyright", reason="pyright isn't installed: pip install '.[test]'")
    shutil.copy(PROGRAM, tmp_path)
    out = run(
        sys.executable, "-m", "pyright", "--outputjson", "--pythonpath", sys.executable, "reveal.py", cwd=tmp_path
    )
    said: Said = {}
    for each in json.loads(out)["generalDiagnostics"]:
        shown = re.match(r'Type of ".*" is "(.*)"', each["message"], re.DOTALL)
        line = each["range"]["start"]["line"] + 1
        if each["severity"] == "error":
            said[line] = "error"
        elif shown:
            said[line] = plain(shown[1])
    assert said == wanted(), out
