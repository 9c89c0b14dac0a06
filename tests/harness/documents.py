"""The pieces of code of the seeds' documents, and the list of what was changed in them (tests/compat/documents)."""

from __future__ import annotations

import ast
import builtins
import importlib
import re
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import ModuleType

HERE = Path(__file__).parent.parent / "compat/documents"
SIDES = ("original", "ours")
#: The modules; of watchpoint there is no original.
ORIGINALS = {
    "system_event": "SystemEvent",
    "waitable_event": "bacpypes.event",
    "aioevt": "aioevt",
    "interprocesssync": "jk_interprocesssync.fs",
}


def original(seed: str) -> ModuleType | None:
    """The seed's own module, if it is installed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # asyncore is deprecated, and bacpypes has escapes that newer Pythons warn of
        try:
            return importlib.import_module(ORIGINALS[seed])
        except (KeyError, ImportError):
            return None


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def table(page: str, heading: str) -> list[list[str]]:
    """The rows of the first table below a heading."""
    below = page.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    rows = [cells(line) for line in below.splitlines() if line.startswith("|")]
    return rows[2:]


def code(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


LIST = (HERE / "README.md").read_text()


@dataclass(frozen=True)
class Piece:
    """One file: `seed/stem`."""

    seed: str
    stem: str
    text: str

    @property
    def where(self) -> str:
        return f"{self.seed}/{self.stem}"


def pieces(seed: str = "*") -> list[Piece]:
    paths = sorted(HERE.glob(f"{seed}/[0-9]*.txt"))
    return [Piece(path.parent.name, path.name.split(".")[0], path.read_text()) for path in paths]


def piece(where: str) -> Piece:
    (found,) = [each for each in pieces() if each.where == where]
    return found


def concerns(where: str, each: Piece, side: str) -> bool:
    """Does a row's first cell mean this piece, on this side?"""
    name, _, only = where.partition(", with the ")
    return name in (each.where, each.seed) and only in ("", side)


def import_of(seed: str, side: str) -> str:
    (row,) = [row for row in table(LIST, "The import") if row[0] == seed]
    return code(row[1 + SIDES.index(side)])[0]


def filled(each: Piece, side: str, **values: str) -> str:
    """The piece with the import of that side and everything that the list says; `$NAME` from the values."""
    text = each.text.replace(import_of(each.seed, "original"), import_of(each.seed, side))
    for where, old, new, _ in table(LIST, "What was filled in"):
        if concerns(where, each, side):
            text = text.replace(code(old)[0], code(new)[0])
    for name, value in values.items():
        text = text.replace(f"${name}", value)
    return text


def given(each: Piece) -> set[str]:
    """The names that the list says a piece is given."""
    rows = [row for row in table(LIST, "What was given") if concerns(row[0], each, "")]
    return {name for row in rows for name in code(row[1])}


def undefined(source: str) -> set[str]:
    """The names that a piece of Python uses and neither defines nor imports."""
    tree = ast.parse(source)
    names = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
    made = {node.id for node in names if not isinstance(node.ctx, ast.Load)}
    made |= {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    made |= {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    made |= {
        (alias.asname or alias.name).split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    return {node.id for node in names} - made - set(vars(builtins))
