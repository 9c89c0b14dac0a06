"""Run the models and the mutants that they must catch. See README.md.

    python verify/run.py [--quick]

Exit 0: every true model was explored to its end without an error, and every mutant was caught. 1: not so.
77: no spin or no C compiler on this machine.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from cases import MODELS, MUTANTS, Case

HERE = Path(__file__).resolve().parent
#: kB of memory and depth of search; a run that needs more is reported as incomplete, never as clean.
MEMORY_MB = 7000
DEPTH = 1_000_000


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


def missing() -> str:
    """What this machine lacks for running the models; "" when it has everything."""
    lacks = [tool for tool in ("spin", "cc") if shutil.which(tool) is None]
    return f"{' and '.join(lacks)} not installed" if lacks else ""


def run(case: Case) -> Result:
    began = time.monotonic()
    # To optimise costs more than it gains before a few million states.
    effort = "-O0" if case.quick else "-O2"
    with tempfile.TemporaryDirectory(prefix="tocsin-verify-") as there:
        for model in HERE.glob("*.pml"):
            shutil.copy(model, there)
        build = (
            ["spin", *case.flags(), "-a", f"{case.model}.pml"],
            ["cc", effort, "-w", "-DSAFETY", "-DCOLLAPSE", f"-DMEMLIM={MEMORY_MB}", "-o", "pan", "pan.c"],
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
    # The long ones need the memory for themselves.
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for result in pool.map(run, [case for case in MODELS + MUTANTS if case.quick]):
            results.append(result)
            print(result, flush=True)
    for case in MODELS + MUTANTS:
        if not case.quick and not quick:
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
