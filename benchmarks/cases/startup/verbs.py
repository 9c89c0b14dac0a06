"""The cheapest real call of each verb, from its spawn until it is reaped, beside `python -c pass`.

The same interpreter, the same flags.
"""

from __future__ import annotations

import os
import subprocess
import sys
from functools import partial
from typing import TYPE_CHECKING

from benchmarks.cases.event.start import median_us
from benchmarks.cases.tocsin_run.start import beside
from benchmarks.harness import Table, rounds
from benchmarks.procs import place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.cases import Effort

BARE = "python -c pass"
#: What is there before: an event that is set, a value, queues with items, a bus.
PREPARE = """
tocsin set e; tocsin signal v --data 1; tocsin emit b n 1
seq 5000 | tocsin put get; seq 5000 | tocsin put receive; seq 5000 | tocsin put work; tocsin put peek 1
"""
CALLS = (
    "set e", "clear c", "wait e", "wait --any e get", "status e", "signal s", "signal v --data 1", "listen v --count 1",
    "emit b n 1", "on b n --replay 1 --once", "put q 1", "get get", "peek peek", "receive receive -- true",
    "work one --until-empty -- true", "run -- true", "ls", "ls --json", "stat e", "check e", "rm -f none", "set --help",
    "--help",
    "--version", "completion bash", "complete -- tocsin set ", "doctor",
)  # fmt: skip
#: Not what a start costs: it works, or waits, by itself.
WORKS = ("doctor",)


def run(effort: Effort) -> Iterator[Table]:
    table = Table("startup", "a verb's cheapest call, from its spawn until it is reaped", "us")
    program = beside("tocsin")
    assert program, "tocsin is not installed"
    with place() as here:
        env = {"PATH": f"{os.path.dirname(program)}:{os.defpath}", "LC_ALL": "C.UTF-8", "TOCSIN_AT": here}
        subprocess.run(["sh", "-c", PREPARE], env=env, check=True, stdout=subprocess.DEVNULL)
        measures = {BARE: partial(median_us, [sys.executable, "-c", "pass"], env, 3)}
        for call in CALLS:
            measures[f"tocsin {call}"] = partial(median_us, [program, *call.split(" ")], env, 3)
        for measure in measures.values():
            measure()
        rounds(table, measures, effort.rounds())
    for call in CALLS:
        if call not in WORKS:
            table.at_most(call, f"tocsin {call}", BARE, 2.0)
    table.print(BARE)
    yield table


CASES = {"verbs": run}
