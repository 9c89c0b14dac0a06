"""What the queues carry, their names, and that of an event. The C program writes the first as JSON: {"batch":7}."""

from __future__ import annotations

from dataclasses import dataclass

JOBS = "jobs"
FOUND = "found"
#: An event: while it is set, who has received an item stays with it, for whoever wants to hit him in the middle.
STAY = "stay"


@dataclass(frozen=True)
class Job:
    """A batch whose archive is there, from the C program to one of the pool."""

    batch: int


@dataclass(frozen=True)
class Found:
    """The counts of the files of a batch, in its order, from the pool to the report. None: can't be parsed."""

    batch: int
    counts: list[list[int] | None]
