"""evt_set as a process: from the spawn until it has been reaped, its event opened, set and closed meanwhile."""

from __future__ import annotations

import os
import statistics
import sys
import sysconfig
import tempfile
from contextlib import suppress
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.harness import Table, rounds
from benchmarks.peers import module
from benchmarks.procs import build, place, spawn_ns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.cases import Effort

EVT_SET = "evt_set"
STATIC, DYNAMIC = "a C program that does nothing, static", "a C program that does nothing, dynamic"
SCRIPT, BARE = "SystemEvent's evt_set", "python -c pass"


def native() -> str | None:
    """Our evt_set: beside this interpreter, and a program, not somebody's script of the same name."""
    for folder in (sysconfig.get_path("scripts"), *os.get_exec_path()):
        path = Path(folder) / EVT_SET
        if path.is_file() and path.read_bytes()[:4] == b"\x7fELF":
            return str(path)
    return None


def script() -> tuple[str, str] | None:
    """SystemEvent's own evt_set, and the directory that its modules are in."""
    # All copies: the tests' own has its scripts overwritten by ours, and the one in build/peers has not.
    for found in metadata.distributions(name="SystemEvent"):
        files = found.files or []
        home = next((str(Path(str(f.locate())).parents[1]) for f in files if f.name == "__init__.py"), None)
        # `pip install --target D` puts scripts into D/bin, which the list of files doesn't know.
        candidates = [Path(str(f.locate())) for f in files if f.name == EVT_SET]
        candidates += [Path(home) / "bin" / EVT_SET] if home else []
        for path in candidates:
            if home and path.is_file() and b"SystemEvent" in path.read_bytes()[:400]:
                return str(path), home
    return None


def median_us(command: list[str], env: dict[str, str], times: int) -> float:
    return statistics.median(spawn_ns(command, env) for _ in range(times)) / 1e3


def remove_semaphore(name: str) -> None:
    """What SystemEvent's script leaves behind."""
    posix_ipc: Any = module("posix_ipc")
    with suppress(posix_ipc.ExistentialError):  # it never came that far
        posix_ipc.unlink_semaphore(f"SystemEvent.{name}")


def run(effort: Effort) -> Iterator[Table]:
    table = Table(EVT_SET, "a process from its spawn until it is reaped", "us")
    many, few = effort.of(60, 20), effort.of(5, 2)
    name = f"tocsin-bench-{os.getpid()}"
    python = getattr(sys, "_base_executable", sys.executable)  # no virtual environment's start-up on top
    with place() as here, tempfile.TemporaryDirectory(prefix="tocsin-bench-") as programs:
        env = {"PATH": os.defpath, "LC_ALL": "C"}
        static = build(Path(programs), "nothing", "-static", name="nothing-static")
        dynamic = build(Path(programs), "nothing", name="nothing-dynamic")
        measures: dict[str, Callable[[], float]] = {
            STATIC: partial(median_us, [static], env, many), DYNAMIC: partial(median_us, [dynamic], env, many),
            BARE: partial(median_us, [python, "-c", "pass"], env, few),
        }
        ours = native()
        if ours:
            measures[EVT_SET] = partial(median_us, [ours, "--at", here, "x"], env, many)
        else:
            table.absent[EVT_SET] = "no native evt_set beside this interpreter or on PATH"
        theirs = script()
        if theirs:
            beside = env | {"PYTHONPATH": theirs[1]}
            measures[SCRIPT] = partial(median_us, [python, theirs[0], name], beside, few)
        else:
            table.absent[SCRIPT] = "not installed, or its script was overwritten by another evt_set"
        try:
            for measure in measures.values():
                measure()  # warm: files into the cache, byte code written
            rounds(table, measures, effort.rounds())
        finally:
            if theirs:
                remove_semaphore(name)
    table.at_most("evt_set", EVT_SET, STATIC, 2.0)
    table.at_most("evt_set", EVT_SET, DYNAMIC, 2.0)
    table.at_least("evt_set", EVT_SET, SCRIPT, 12)
    table.print(EVT_SET)
    yield table


CASES = {"evt_set": run}
