"""docs/design/servers.md has every script and every kind of key, as their sources say."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCES = ROOT / "src" / "tocsin" / "_redis"
PAGE = (ROOT / "docs" / "design" / "servers.md").read_text(encoding="utf-8")
BEGIN, END = "<!-- scripts: as their heads say -->\n", "<!-- scripts: end -->"
MEMORY = "the writer's memory"  # of the numbers of changes: a key of those scripts that must run once


def row(path: Path) -> str:
    """What the first sentence of a script's head says; whether it changes something once, its keys tell."""
    lines = path.read_text(encoding="utf-8").splitlines()
    count = next(n for n, line in enumerate(lines) if not line.startswith("--"))
    head = " ".join(line.removeprefix("--").strip() for line in lines[:count])
    says = re.split(r"(?<=\.) |(?= KEYS: )", head, maxsplit=1)[0].rstrip(".")
    return f"| `{path.stem}` | {says} | {'once' if MEMORY in head else ''} |"


def test_the_scripts_are_told_as_their_heads_say() -> None:
    written = PAGE.partition(BEGIN)[2].partition(END)[0]
    rows = ["| script | what it does | |", "|---|---|---|", *map(row, sorted(SOURCES.glob("scripts/*.lua")))]
    assert len(rows) > 20
    assert written.splitlines() == rows, "the table between the markers should be:\n" + "\n".join(rows)


def test_every_kind_of_key_is_told() -> None:
    """What is made of an object's key, or of the prefix, in the modules."""
    text = "".join(path.read_text(encoding="utf-8") for path in SOURCES.glob("*.py"))
    letters = set(re.findall(r'b"%b:([a-z]):%b', text))
    assert {"s", "o", "i"} <= letters
    assert [letter for letter in sorted(letters) if f"| `…:{letter}:<" not in PAGE] == []
    assert [name for name in re.findall(r'b"%b:([a-z]{2,}):%b', text) if f"`PREFIX:{name}:<" not in PAGE] == []
