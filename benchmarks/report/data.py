"""What was measured, as files: one per object, in it what it was measured on, and each case with its raw figures.

A run of some cases takes the place of these cases only, if machine and versions are still the same; otherwise the file
begins anew, so that no table stands beside one of another machine.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.harness import Spread as _Spread
from benchmarks.harness import Table, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "docs" / "benchmarks" / "data"
DIGITS = 5  # of a figure: more than any of them means


def rounded(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}")
    if isinstance(value, dict):
        return {key: rounded(one) for key, one in value.items()}
    if isinstance(value, list):
        return [rounded(one) for one in value]
    return value


def text_of(found: Mapping[str, Any]) -> str:
    """JSON with a list of figures on a line, so that a diff can be read."""
    text = json.dumps(found, indent=1, ensure_ascii=False)
    return re.sub(r"\[[-\d.,eE+\s]*\]", lambda block: re.sub(r"\s+", " ", block[0]), text) + "\n"


def write(folder: Path, stem: str, run: Mapping[str, Any], cases: Mapping[str, Any]) -> Path:
    """These cases of one object, beside those that were measured before on the same machine."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{stem}.json"
    kept: dict[str, Any] = {}
    if path.is_file():
        before = json.loads(path.read_text(encoding="utf-8"))
        if before["run"] == run:
            kept = before["cases"]
    found = {"object": stem, "run": dict(run), "cases": {**kept, **rounded(dict(cases))}}
    path.write_text(text_of(found), encoding="utf-8")
    return path


class Measured:
    """The file of one object, read."""

    def __init__(self, path: Path) -> None:
        found = json.loads(path.read_text(encoding="utf-8"))
        self.stem: str = found["object"]
        self.run: dict[str, Any] = found["run"]
        self.cases: dict[str, dict[str, Any]] = found["cases"]

    def tables(self, case: str | None = None) -> list[Table]:
        """The tables of one case, or of all of them; those with samples have all of them."""
        names: Iterable[str] = self.cases if case is None else [case] if case in self.cases else []
        return [table_of(one) for name in names for one in self.cases[name]["tables"]]

    def table(self, case: str, title: str = "") -> Table | None:
        """The first one of a case whose title has these words in it."""
        return next((table for table in self.tables(case) if title in table.title), None)

    def sweep(self, case: str) -> list[Table]:
        """The same thing at several sizes, by size; one table for those who were measured apart at the same size."""
        found: dict[float, Table] = {}
        for table in self.tables(case):
            if table.along:
                there = found.setdefault(table.x, table)
                there.values = {**table.values, **there.values}
        return [found[x] for x in sorted(found)]


def table_of(found: Mapping[str, Any]) -> Table:
    verdicts = [
        Verdict(**{**one, "found": _Spread(**one["found"]) if one["found"] else None}) for one in found["verdicts"]
    ]
    return Table(**{**found, "verdicts": verdicts})


def read(folder: Path = DATA) -> dict[str, Measured]:
    """All that was measured, by object."""
    return {path.stem: Measured(path) for path in sorted(folder.glob("*.json"))}
