"""How much of a campaign runs: a bounded slice in `make test`, all of it in `make prove`."""

from __future__ import annotations

import os

FULL = os.environ.get("TOCSIN_PROVE") == "full"


def cases(in_slice: int, in_full: int) -> int:
    return in_full if FULL else in_slice
