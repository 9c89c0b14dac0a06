"""The core alone, from C: unit tests and a stress of threads, plain and under the compiler's sanitizers."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from corebuild import HERE, WARNINGS
from harness.cbuild import compile_c, library
from harness.prove import cases

SANITIZERS = {
    "plain": [],
    "thread": ["-fsanitize=thread", "-Wno-tsan"],  # fences are our own handshake; nothing is judged by them
    "address": ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"],
}


Build = Callable[[str, str], Path]
UNITS = sorted(path.stem for path in HERE.glob("unit_*.c"))


@pytest.fixture(scope="module")
def build(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Build]:
    """`build(name, sanitizer)`. What the coming tests need is built ahead of them."""
    directory = tmp_path_factory.mktemp("units")

    def program(name: str, sanitizer: str) -> Path:
        flags = ["-O1", "-g", f"-I{HERE}", *WARNINGS, *SANITIZERS[sanitizer]]
        return compile_c(directory / f"{name}-{sanitizer}", [HERE / f"{name}.c", *library()], *flags)

    coming = [item for item in request.session.items if item.path == request.path and "build" in item.fixturenames]
    wanted = (item.callspec.params for item in coming)
    pairs = dict.fromkeys((params.get("name", "stress_threads"), params["sanitizer"]) for params in wanted)
    with ThreadPoolExecutor(2) as ahead:
        programs = {pair: ahead.submit(program, *pair) for pair in pairs}
        yield lambda name, sanitizer: programs[name, sanitizer].result()


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
