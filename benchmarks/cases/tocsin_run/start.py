"""A command under `tocsin run`, from the wrapper's spawn until it is reaped, beside the wrappers of the system."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from functools import partial
from typing import TYPE_CHECKING

from benchmarks.cases.event.start import median_us
from benchmarks.harness import Table, rounds
from benchmarks.procs import place

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.cases import Effort

RUN, SETS = "tocsin run -- true", "tocsin run --after a --sets x -- true"
TRUE, ENV, TIMEOUT, FLOCK, PYTHON = "true", "env true", "timeout 9 true", "flock -n f true", "python -c pass"


def beside(program: str) -> str | None:
    """The program beside this interpreter, else on PATH."""
    here = os.path.join(os.path.dirname(sys.executable), program)
    return here if os.access(here, os.X_OK) else shutil.which(program)


def run(effort: Effort) -> Iterator[Table]:
    table = Table("start", "a command from its wrapper's spawn until it is reaped", "us")
    times = effort.of(40, 15)
    with place() as here:
        env = {"PATH": os.defpath, "LC_ALL": "C", "TOCSIN_AT": here}
        ours, evt_set = beside("tocsin"), beside("evt_set")
        true = shutil.which("true", path=os.defpath)
        assert ours, "tocsin is not installed"
        assert evt_set, "evt_set is not installed"
        assert true, "there is no `true`"
        subprocess.run([evt_set, "a"], env=env, check=True)
        commands = {
            TRUE: [true],
            ENV: ["env", true],
            TIMEOUT: ["timeout", "9", true],
            FLOCK: ["flock", "-n", os.path.join(here, "f"), true],
            RUN: [ours, "run", "--", true],
            SETS: [ours, "run", "--after", "a", "--sets", "x", "--", true],
            PYTHON: [getattr(sys, "_base_executable", sys.executable), "-c", "pass"],
        }
        measures: dict[str, Callable[[], float]] = {}
        for name, command in commands.items():
            found = shutil.which(command[0], path=f"{os.defpath}:{os.environ['PATH']}")
            if found:
                measures[name] = partial(median_us, [found, *command[1:]], env, times if name != PYTHON else 3)
            else:
                table.absent[name] = f"{command[0]} is not installed"
        for measure in measures.values():
            measure()  # warm
        rounds(table, measures, effort.rounds())
    table.at_most("a start under run", RUN, TIMEOUT, 1.0)
    table.at_most("a start under run", RUN, ENV, 1.2)
    table.at_most("waiting and setting", SETS, FLOCK, 1.2)
    table.at_least("a start under run", RUN, PYTHON, 5)
    table.print(TRUE)
    yield table


CASES = {"start": run}
