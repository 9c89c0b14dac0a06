"""The cases of the acceptance lists: a folder per object, in it a file per kind of measurement."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import TYPE_CHECKING, Any

from benchmarks.harness import ROUNDS, Table

if TYPE_CHECKING:
    from collections.abc import Mapping


QUICK_ROUNDS = 3


@dataclasses.dataclass(frozen=True)
class Effort:
    """How long to measure. Quick is for a look, full for a figure to quote, long for what takes minutes."""

    quick: bool
    long: bool = False

    def of(self, full: int, quick: int, long: int | None = None) -> int:
        if self.long and long is not None:
            return long
        return quick if self.quick else full

    def rounds(self, full: int = ROUNDS) -> int:
        """How many rounds to measure. A look has a few; a figure to quote has never fewer than ROUNDS."""
        return QUICK_ROUNDS if self.quick else max(full, ROUNDS)


Case = Callable[[Effort], Iterator[Table]]


def cases_of(stem: str) -> Mapping[str, str]:
    """The cases of one object, each with the file in cases/STEM that measures it."""
    files: Mapping[str, str] = folder(stem).FILES
    return files


def folder(stem: str) -> Any:
    return import_module(f"{__name__}.{stem}")


def run(stem: str, case: str, effort: Effort) -> Iterator[Table]:
    file = import_module(f"{__name__}.{stem}.{cases_of(stem)[case]}")
    yield from file.CASES[case](effort)
