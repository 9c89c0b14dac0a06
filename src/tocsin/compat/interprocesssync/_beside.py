# ruff: noqa: N802, N803 - the seed's names
"""What the two events have in common: a path of the user's, and the tocsin object beside it.

The object is not the file at the path. A sender of the seed that was forgotten somewhere opens that file for writing,
which cuts it to nothing, and a process that has an object mapped dies of that; or it puts another file in its place.
So what the seed wrote, and what it may still write, is never touched, and nobody has to agree with anybody on who
turns an old file into a new object.
"""

from __future__ import annotations

import json
import os
from typing import Any


def beside(path: str) -> str:
    """The name of the object for the file at `path`: one for every way to write that path.

    `x` has `x.tocsin`. An object's own name may not begin with a dot, so `.x` has `x.dot-tocsin`, which is nobody
    else's: it doesn't end as the others do.
    """
    folder, leaf = os.path.split(os.path.realpath(path))
    named = f"{leaf[1:]}.dot-tocsin" if leaf.startswith(".") else f"{leaf}.tocsin"
    return os.path.join(folder, named)


def as_the_seed_reads(data: object) -> Any:
    """What comes out at the other end of the seed: keys are text, tuples are lists. TypeError for what is no JSON."""
    return json.loads(json.dumps(data))


class Beside:
    """The attributes that the seed gives both events."""

    def __init__(self, filePath: str, sleepTime: float, bFireOnInit: bool) -> None:  # noqa: FBT001
        if not isinstance(filePath, str):
            raise TypeError(f"filePath must be a str, not {type(filePath).__name__}")
        if not filePath or filePath.strip() != filePath:
            raise ValueError(f"bad filePath {filePath!r}: it may not be empty, nor begin or end with a blank")
        self._path = filePath
        self._sleep = sleepTime
        self._name = beside(filePath)
        # Here and not in the first wait: what the seed's `True` means is the file, which may be older than the object.
        self._ask_the_file = bool(bFireOnInit)
        self._cancelled = False

    def filePath(self) -> str:
        """The path as it was given."""
        return self._path

    def sleepTime(self) -> float:
        """What was given. Nothing sleeps for that long any more: a wait ends when the signal comes."""
        return self._sleep
