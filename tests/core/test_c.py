"""The core alone, from C: unit tests and a stress of threads, plain and under the compiler's sanitizers."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from corebuild import HERE, WARNINGS, compile_c, compile_objects
from harness.prove import cases

SANITIZERS = {
    "plain": [],
    "thread": ["-fsanitize=thread", "-Wno-tsan"],  # fences are our own handshake; nothing is judged by them
    "address": ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"],
}


Build = Callable[[str, str], Path]
QUEUES = ["unit_queue", "unit_queue_check", "unit_queue_deaths", "unit_queue_durable", "unit_queue_files"]
UNITS = ["unit_place", "unit_event", "unit_signal", "unit_data", *QUEUES]


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """`build(name, sanitizer)`: the core is compiled once for each sanitizer, not for each program."""
    cores: dict[str, list[Path]] = {}

    def program(name: str, sanitizer: str) -> Path:
        flags = ["-O1", "-g", f"-I{HERE}", *WARNINGS, *SANITIZERS[sanitizer]]
        directory = tmp_path_factory.mktemp(name)
        if sanitizer not in cores:
            cores[sanitizer] = compile_objects(tmp_path_factory.mktemp("core"), *flags)
        return compile_c(directory / name, [HERE / f"{name}.c", *cores[sanitizer]], *flags)

    return program


def _run(program: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(program), *arguments]
    if shutil.which("setarch"):  # ThreadSanitizer of older compilers cannot live with much randomisation
        command = ["setarch", platform.machine(), "-R", *command]
    environment = {**os.environ, "TSAN_OPTIONS": "halt_on_error=1", "LC_ALL": "C"}
    environment.pop("TOCSIN_AT", None)
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, f"{done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


@pytest.mark.parametrize("sanitizer", SANITIZERS)
@pytest.mark.parametrize("name", UNITS)
def test_unit(name: str, sanitizer: str, build: Build, place: str, tally: Callable[[str], None]) -> None:
    done = _run(build(name, sanitizer), place)
    assert done.stderr.count("ok ") == (HERE / f"{name}.c").read_text().count("    RUN(")
    left = [n for n in os.listdir(place) if n.startswith(".removed.") or n.endswith(".new")]
    assert not left, "what was removed took its bell along"
    tally(f"{int(done.stdout):,} checks")


@pytest.mark.prove
@pytest.mark.parametrize("sanitizer", SANITIZERS)
def test_threads_stress(sanitizer: str, build: Build, place: str, tally: Callable[[str], None]) -> None:
    rounds = cases(4, 2_000)
    done = _run(build("stress_threads", sanitizer), place, str(rounds), str(cases(100, 6_000)))
    counts = json.loads(done.stdout)
    assert counts["rounds"] == rounds
    tally("{rounds:,} rounds, {waits:,} waits, {pulses:,} pulses, {removals:,} removals".format(**counts))
