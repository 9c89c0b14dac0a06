"""C programs from the core's sources, by the compiler alone: no meson, no Python.

Each source is compiled once in a run of the tests for the same flags and headers, on all processors; so a mutant costs
one file and a link.
"""

from __future__ import annotations

import atexit
import hashlib
import os
import re
import shlex
import shutil
import subprocess
import tempfile
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from threading import Lock

CORE = Path(__file__).parents[2] / "core"
CC = shlex.split(os.environ.get("CC", "cc"))

_pool = ThreadPoolExecutor(os.cpu_count())
_lock = Lock()
_objects: dict[str, Future[Path]] = {}
_directory: list[Path] = []


def library(core: Path = CORE) -> list[Path]:
    """What core/meson.build makes libtocsin.a of; test_core_floors.py holds the two against each other."""
    return sorted(p for floor in ("sys", "parts", "objects") for p in (core / floor).glob("*.c"))


def changed_core(directory: Path, file: str, old: str, new: str) -> Path:
    """A copy of the core in which one thing is wrong; with the same directory again, one more."""
    core = directory / "core"
    if not core.exists():
        shutil.copytree(CORE, core)
    path = core / file
    text = path.read_text()
    assert text.count(old) == 1, f"{file}: what this mutant changes is there {text.count(old)} times, not once: {old}"
    path.write_text(text.replace(old, new))
    return core


def compile_c(out: Path, sources: list[Path], *flags: str, core: Path = CORE, link: tuple[str, ...] = ()) -> Path:
    """The program `out`; a source finds the headers of `core`, and those beside it."""
    futures = [_object(source, flags, core) for source in sources]
    return _cc([*flags, *(str(future.result()) for future in futures), "-pthread", *link], out)


def _object(source: Path, flags: tuple[str, ...], core: Path) -> Future[Path]:
    text = source.read_text()
    read = [text, *(path.read_text() for path in sorted(core.rglob("*.h")))]
    # What includes another source (the simulation does) is made of that, too.
    read += [(core / name).read_text() for name in re.findall(r'^#include "([^"]+\.c)"', text, re.MULTILINE)]
    key = hashlib.sha256("\0".join([source.name, *flags, *read]).encode()).hexdigest()
    with _lock:
        if not _directory:
            _directory.append(Path(tempfile.mkdtemp(prefix="tocsin-objects-")))
            atexit.register(shutil.rmtree, _directory[0], ignore_errors=True)
        if key not in _objects:
            command = [f"-I{core}", *flags, "-c", str(source)]
            _objects[key] = _pool.submit(_cc, command, _directory[0] / f"{key}.o")
        return _objects[key]


def _cc(arguments: list[str], out: Path) -> Path:
    command = [*CC, "-std=gnu11", *arguments, "-o", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{shlex.join(command)}\n{done.stderr}"
    return out
