"""What the native `tocsin` adds to a verb that it hands over to Python's half."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING

from benchmarks.cases.event.start import median_us
from benchmarks.cases.tocsin_run.start import beside
from benchmarks.harness import Table, rounds
from benchmarks.procs import place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.cases import Effort

THROUGH, DIRECT = "tocsin set x", "tocsin-verbs set x"


def run(effort: Effort) -> Iterator[Table]:
    table = Table("hand-over", "a verb of Python's, through the program and without it", "us")
    with place() as here:
        env = {"PATH": os.defpath, "LC_ALL": "C", "TOCSIN_AT": here}
        programs = {THROUGH: beside("tocsin"), DIRECT: beside("tocsin-verbs")}
        measures = {
            name: partial(median_us, [program, "set", "x"], env, effort.of(15, 5))
            for name, program in programs.items()
            if program
        }
        table.absent = {name: "not installed" for name, program in programs.items() if not program}
        for measure in measures.values():
            measure()
        rounds(table, measures, effort.rounds())
    table.at_most("handing over", THROUGH, DIRECT, 1.1)
    table.print(DIRECT)
    yield table


CASES = {"hand-over": run}
