"""Hand each file that is named to a worker."""

from __future__ import annotations

import json
import os
import sys
import time

os.makedirs("jobs", exist_ok=True)
for name in sys.argv[1:]:
    job = f"jobs/{time.time_ns()}-{os.getpid()}"
    with open(f"{job}.tmp", "w") as out:
        json.dump({"file": name}, out)
    os.rename(f"{job}.tmp", f"{job}.json")
