"""Add one to the number in a file, one process at a time."""

from __future__ import annotations

import sys
from pathlib import Path

from tocsin import Lock

file = Path(sys.argv[1])

with Lock("count") as lock:
    if lock.abandoned:
        print("somebody died in here: is the number right?", file=sys.stderr)
    number = int(file.read_text()) + 1
    file.write_text(f"{number}\n")
print(number)
