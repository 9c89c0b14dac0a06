"""The blocks of code of README.md and of everything below docs/, as they are printed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
#: What a block in one of these languages says is tried. Others are pictures, and what commands print.
RUN = ("python", "sh", "console", "c", "crontab", "ini", "yaml")
FENCE = re.compile(
    r"^(?P<indent> *)(?P<fence>```+)(?P<info>[^\n`]*)\n(?P<body>.*?)^ *(?P=fence)[ ]*$", re.MULTILINE | re.DOTALL
)
#: The first line of a block that is a file, behind the line that names its interpreter, if there is one.
NAMED = re.compile(r"\A(?:#!.*\n)?(?:#|//) (\S+\.\w+|\./\S+)(?: .*)?\n")


@dataclass(frozen=True)
class Block:
    page: str
    line: int
    language: str
    waits: bool  # it goes on until one below it lets it: "```sh waits"
    text: str
    output: str | None  # the unnamed block right behind it: what it prints

    @property
    def first(self) -> str:
        return self.text.split("\n", 1)[0]

    @property
    def file(self) -> str | None:
        """`# work.py` in the first line: it isn't run but saved, for those below it."""
        found = NAMED.match(self.text)
        return found[1] if found else None

    def __str__(self) -> str:
        return f"{self.page}:{self.line}: {self.first}"


def blocks(path: Path) -> list[Block]:
    page, text = str(path.relative_to(ROOT)), path.read_text()
    found: list[Block] = []
    end = -1
    for match in FENCE.finditer(text):
        words = match["info"].split()
        body = re.sub(rf"^{match['indent']}", "", match["body"], flags=re.MULTILINE)
        follows = found and not text[end : match.start()].strip() and found[-1].language in RUN
        if not words and follows and found[-1].output is None:
            found[-1] = Block(**{**vars(found[-1]), "output": body})
        line = text.count("\n", 0, match.start()) + 1
        found.append(Block(page, line, words[0] if words else "", "waits" in words, body, None))
        end = match.end()
    return found


def pages() -> dict[str, list[Block]]:
    """Each page that has something to be run."""
    made = {str(path.relative_to(ROOT)): blocks(path) for path in PAGES}
    return {page: found for page, found in made.items() if any(block.language in RUN for block in found)}
