"""What the queues carry, and their names. The C program writes the first as JSON: {"batch":7}."""

from __future__ import annotations

from dataclasses import dataclass

JOBS = "jobs"
FOUND = "found"


@dataclass(frozen=True)
class Job:
    """A batch whose archive is there, from the C program to one of the pool."""

    batch: int


@dataclass(frozen=True)
class Found:
    """The counts of the files of a batch, in its order, from the pool to the report. None: can't be parsed."""

    batch: int
    counts: list[list[int] | None]
