"""Builds this folder's programs, and the core inside them, by the compiler alone."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
CORE = HERE.parents[1] / "core"
CC = shlex.split(os.environ.get("CC", "cc"))
FLAGS = ["-std=gnu11", "-O2", "-g", "-Wall", "-Wextra", "-Wshadow", "-Wno-missing-field-initializers"]

SOURCES = {
    "single_step": ["single_step.c", "walk.c", "bench.c", "bench_files.c", "scenarios.c"],
    "steps": ["steps.c", "bench.c", "bench_files.c", "scenarios.c"],
    "data_kill": ["data_kill.c", "walk.c", "bench.c", "bench_files.c"],
    "queue_step": [
        *("queue_step.c", "queue_bench.c", "queue_judge.c", "queue_scenarios.c"),
        *("walk.c", "bench.c", "bench_files.c"),
    ],
    "queue_damage": ["queue_damage.c", "walk.c", "bench.c", "bench_files.c"],
    "queue_kill": ["queue_kill.c", "bench.c", "bench_files.c"],
    "random_kill": ["random_kill.c", "busy.c", "bench.c", "bench_files.c"],
}


def build(out: Path, program: str, *flags: str, core: Path = CORE) -> Path:
    """`core` may be a mutant; this folder's sources find it as ../../core beside a copy of themselves."""
    here = HERE
    if core != CORE:
        here = core.parent / "tests" / "crash"
        shutil.copytree(HERE, here, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)
    library = sorted(p for floor in ("sys", "parts", "objects") for p in (core / floor).glob("*.c"))
    sources = [str(here / name) for name in SOURCES[program]] + [str(p) for p in library]
    target = out / program
    # Static, so that no lazy binding stands between the instructions; where there is no static C library, bind early.
    for link in (["-static"], ["-Wl,-z,now"]):
        done = subprocess.run(
            [*CC, *FLAGS, *flags, *sources, "-pthread", *link, "-o", str(target)],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode == 0:
            return target
    raise AssertionError(done.stderr)


def mutant(directory: Path, file: str, old: str, new: str) -> Path:
    """A copy of the core in which one thing is wrong."""
    core = directory / "core"
    shutil.copytree(CORE, core)
    path = core / file
    text = path.read_text()
    assert text.count(old) == 1, f"{file} has no longer, once, what this mutant changes: {old}"
    path.write_text(text.replace(old, new))
    return core


@dataclass
class Run:
    code: int
    text: str

    @property
    def total(self) -> dict[str, int]:
        """The numbers of the last line, `TOTAL name=1 other=2`."""
        found = re.search(r"^TOTAL (.*)$", self.text, re.MULTILINE)
        assert found, f"no result; the end of what it said:\n{self.text[-3000:]}"
        pairs = (pair.split("=") for pair in found[1].split())
        return {name: int(value) for name, value in pairs if value.isdigit()}


def run(command: list[str | Path], seconds: float) -> Run:
    """The time limit is a watchdog. What the program had said by then is shown; its children die with it."""
    try:
        done = subprocess.run(
            [str(part) for part in command],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=seconds,
        )
    except subprocess.TimeoutExpired as late:
        said = late.stdout.decode() if isinstance(late.stdout, bytes) else late.stdout or ""
        raise AssertionError(f"not done after {seconds:.0f} s; it had said:\n{said[-3000:]}") from None
    return Run(done.returncode, done.stdout)
