"""Add one to the number in a file, one process at a time."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

file = Path(sys.argv[1])

while True:
    try:
        os.close(os.open("count.lock", os.O_CREAT | os.O_EXCL))
        break
    except FileExistsError:
        time.sleep(0.1)
try:
    number = int(file.read_text()) + 1
    file.write_text(f"{number}\n")
finally:
    os.unlink("count.lock")
print(number)
