"""Run the models and the mutants that they must catch. See README.md.

    python verify/run.py [--quick]

Exit 0: every true model was explored to its end without an error, and every mutant was caught. 1: not so.
77: no spin or no C compiler on this machine.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
#: kB of memory and depth of search; a run that needs more is reported as incomplete, never as clean.
MEMORY_MB = 7000
DEPTH = 1_000_000


@dataclass(frozen=True)
class Case:
    """A set of processes around one event, and perhaps one thing done wrong."""

    name: str
    processes: dict[str, int]
    mutant: str = ""
    quick: bool = True
    begins_set: bool = False

    def flags(self) -> list[str]:
        flags = [f"-D{kind}={many}" for kind, many in self.processes.items()]
        flags += [f"-D{self.mutant}"] if self.mutant else []
        return flags + (["-DBEGINS_SET"] if self.begins_set else [])


@dataclass(frozen=True)
class Result:
    case: Case
    states: int
    errors: int
    complete: bool
    seconds: float
    trouble: str = ""

    @property
    def good(self) -> bool:
        if self.case.mutant:
            return self.errors > 0
        return self.errors == 0 and self.complete and not self.trouble

    def __str__(self) -> str:
        verdict = "caught" if self.errors else "NOT CAUGHT"
        if not self.case.mutant:
            verdict = "clean" if self.good else f"{self.errors} ERRORS" if self.errors else "INCOMPLETE"
        return f"{self.case.name:52} {self.states:>12,} states {self.seconds:7.1f} s  {verdict} {self.trouble}".rstrip()


def _procs(waits: int = 0, listens: int = 0, filenos: int = 0, sets: int = 1, clearers: int = 1) -> dict[str, int]:
    return {"WAITS": waits, "LISTENS": listens, "FILENOS": filenos, "SETS": sets, "CLEARERS": clearers}


MODELS = [
    Case("two sleepers, two setters, a clearer", _procs(waits=2, sets=2)),
    Case("a listener, two setters, a clearer", _procs(listens=1, sets=2)),
    Case("a sleeper, a listener, a setter, a clearer", _procs(waits=1, listens=1)),
    Case("a sleeper, a fileno, a setter, a clearer", _procs(waits=1, filenos=1)),
    Case("a fileno, two setters, a clearer", _procs(filenos=1, sets=2)),
    Case("a wait for a later set, two setters, a clearer", _procs(sets=2) | {"LATERS": 1}),
    Case("a wait for clear, a setter, two clearers", _procs(clearers=2) | {"CLEARLISTENS": 1}, begins_set=True),
    Case("a sleeper, a listener, a setter, a remover", _procs(waits=1, listens=1, clearers=0) | {"REMOVES": 1}),
    Case(
        "a listener for clear and a fileno, a remover",
        _procs(filenos=1, sets=0) | {"CLEARLISTENS": 1, "REMOVES": 1},
        begins_set=True,
    ),
    Case("a sleeper, a listener, two setters, a clearer", _procs(waits=1, listens=1, sets=2), quick=False),
    Case("a sleeper, a fileno, two setters, a clearer", _procs(waits=1, filenos=1, sets=2), quick=False),
    Case("a listener, a fileno, two setters, a clearer", _procs(listens=1, filenos=1, sets=2), quick=False),
]

MUTANTS = [
    Case(mutant.lower().replace("_", " "), processes, mutant, quick=mutant != "SECOND_LOOK_ONLY_IF_SLEEPERS")
    for mutant, processes in {
        "STORE_THEN_WAKE": _procs(waits=2, sets=2),
        "BIT_ONLY_PULSE": _procs(waits=2, sets=2),
        "LOOK_BEFORE_CONSUME": _procs(listens=1, sets=2),
        "LOOK_AFTER_RMW": _procs(filenos=1, sets=2),
        "NO_DEATH_RING": _procs(listens=1, sets=2),
        "OPEN_AFTER_CHANGE": _procs(waits=1, listens=1, sets=2),
        "BELL_CLEARED_UNCONDITIONALLY": _procs(filenos=1, sets=2),
        "DROP_WITHOUT_SET": _procs(filenos=1, sets=2),
        "ONE_BELL_BIT": _procs(listens=1, sets=2) | {"CLEARLISTENS": 1},
        "NO_SECOND_LOOK": _procs(waits=1, listens=1),
        "SECOND_LOOK_ONLY_IF_SLEEPERS": _procs(waits=1, listens=1, sets=2),
        "AGE_AFTER_ARMING": _procs(waits=1, listens=1),
        "TIME_BEFORE_HASBELL": _procs(waits=1, listens=1),
        "LATER_TRUSTS_ITS_BELL": _procs(sets=2) | {"LATERS": 1},
        "REMOVE_TRUSTS_HASBELL": _procs(listens=1, clearers=0) | {"REMOVES": 1},
    }.items()
]


def missing() -> str:
    """What this machine lacks for running the models; "" when it has everything."""
    lacks = [tool for tool in ("spin", "cc") if shutil.which(tool) is None]
    return f"{' and '.join(lacks)} not installed" if lacks else ""


def run(case: Case) -> Result:
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="tocsin-verify-") as there:
        for model in HERE.glob("*.pml"):
            shutil.copy(model, there)
        build = (
            ["spin", *case.flags(), "-a", "event.pml"],
            ["cc", "-O2", "-DSAFETY", "-DCOLLAPSE", f"-DMEMLIM={MEMORY_MB}", "-o", "pan", "pan.c"],
        )
        for command in build:
            done = subprocess.run(command, cwd=there, capture_output=True, text=True, check=False)
            if done.returncode:
                return Result(case, 0, 0, complete=False, seconds=0, trouble=(done.stdout + done.stderr).strip()[:500])
        pan = subprocess.run(["./pan", f"-m{DEPTH}"], cwd=there, capture_output=True, text=True, check=False)
    errors = re.search(r"errors: (\d+)", pan.stdout)
    states = re.search(r"(\d+) states, stored", pan.stdout)
    complete = errors is not None and not re.search(
        r"max search depth too small|out of memory|not completed", pan.stdout
    )
    return Result(
        case,
        int(states[1]) if states else 0,
        int(errors[1]) if errors else 0,
        complete=complete,
        seconds=time.monotonic() - began,
        trouble="" if errors else pan.stdout.strip()[-300:],
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0] if __doc__ else None)
    parser.add_argument("--quick", action="store_true", help="only what ends within a minute")
    quick = parser.parse_args().quick
    if lacks := missing():
        print(f"verify: {lacks}: install Debian's spin and a C compiler", file=sys.stderr)
        return 77
    results = []
    for case in MODELS + MUTANTS:
        if case.quick or not quick:
            results.append(run(case))
            print(results[-1], flush=True)
    bad = [result for result in results if not result.good]
    caught = sum(1 for result in results if result.case.mutant and result.good)
    states = sum(result.states for result in results)
    print(
        f"{len(results) - caught} models and {caught} mutants caught, {states:,} states, {len(bad)} not as they must be"
    )
    return 1 if bad else 0


if __name__ == "__main__":
    raise SystemExit(main())
