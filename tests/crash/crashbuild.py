"""Builds this folder's programs, and the core inside them, by the compiler alone."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
from harness.cbuild import CC, CORE, changed_core, compile_c, library

HERE = Path(__file__).parent
NOT_PERMITTED = 77
#: Seconds, where a hang is what must be found. Less, and on a busy machine whoever is late is taken for the fault.
PATIENCE = "10"
FLAGS = ["-O2", "-g", "-Wall", "-Wextra", "-Wshadow", "-Wno-missing-field-initializers"]

BENCH = ["bench.c", "bench_waits.c", "bench_judge.c", "bench_files.c"]
PLAY = ["play.c", "walk.c", *BENCH]
COMMON = ("line", "program", "seconds")
SOURCES = {
    "single_step": ["single_step.c", "every.c", "walk.c", "scenarios.c", *BENCH],
    "steps": ["steps.c", "scenarios.c", *BENCH],
    "lock_kill": ["lock_kill.c", *PLAY],
    "lock_random": ["lock_random.c", *BENCH],
    "data_kill": ["data_kill.c", "data_bench.c", "data_judge.c", *PLAY],
    "queue_step": [
        *("queue_step.c", "queue_bench.c", "queue_judge.c", "queue_fresh.c", "queue_scenarios.c"),
        *("every.c", "walk.c", *BENCH),
    ],
    "queue_damage": ["queue_damage.c", "damage_files.c", "damage_trial.c", "walk.c", *BENCH],
    "queue_kill": ["queue_kill.c", *BENCH],
    "run_step": ["run_step.c"],
    "tocsin": [f"programs/{name}.c" for name in ("tocsin", "run", "run_child", "run_wait", *COMMON)],
    "topic_step": ["topic_step.c", "topic_bench.c", "topic_judge.c", *PLAY],
    "random_kill": ["random_kill.c", "busy.c", *BENCH],
}

#: Whoever dies inside the lock costs the next one this long. In the slice, a hundredth of it.
IMPATIENT = ("parts/short_lock.h", "#define TOC_SHORT_PATIENCE_NS 20000000ll", "#define TOC_SHORT_PATIENCE_NS 200000ll")


def build(out: Path, program: str, *flags: str, core: Path = CORE) -> Path:
    """`core` may be a mutant. Its own programs are in SOURCES, too."""
    sources = [(core if name.startswith("programs/") else HERE) / name for name in SOURCES[program]] + library(core)
    return compile_c(out / program, sources, *FLAGS, *flags, core=core, link=_link())


@cache
def _link() -> tuple[str, ...]:
    """Static, so that no lazy binding stands between the instructions; without a static C library, bound early."""
    trial = [*CC, "-static", "-x", "c", "-", "-o", os.devnull]
    done = subprocess.run(trial, input="int main(void) { return 0; }", text=True, capture_output=True, check=False)
    return ("-static",) if done.returncode == 0 else ("-Wl,-z,now",)


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
    if done.returncode == NOT_PERMITTED:
        pytest.skip("ptrace is not permitted here (a container needs --cap-add=SYS_PTRACE)")
    return Run(done.returncode, done.stdout)


def finds_out(directory: Path, program: str, changes: list[tuple[str, ...]], *arguments: str) -> None:
    """`program` must find a fault in a core with those changes: file, what is there, what stands there then."""
    for change in changes:
        core = changed_core(directory, *change)
    ran = run([build(directory, program, core=core), *arguments], 1500)
    assert ran.code == 1, ran.text
    assert "FAULT" in ran.text
