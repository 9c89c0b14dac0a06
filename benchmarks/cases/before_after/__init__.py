"""Three habits of scripts, before and after: the very programs of docs/examples."""

from __future__ import annotations

ABOUT = "What waiting by looking again and again costs, beside waiting: the programs of docs/examples."
PACKAGES = ()
FILES = {"reaction": "reaction", "CPU": "burnt"}
#: What is in each table, and how it is called there.
READY = ("until [ -f ready ]; do sleep 1", "evt_wait ready")
COUNT = ("O_EXCL, sleep(0.1)", "Lock")
JOBS = ("listdir, sleep(0.5)", "Queue.receive")
