"""Builds C programs from the core's sources, by the compiler alone: no meson, no Python."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
CORE = ROOT / "core"
SIM = HERE / "sim"
CC = shlex.split(os.environ.get("CC", "cc"))
WARNINGS = ["-Wall", "-Wextra", "-Wshadow", "-Wstrict-prototypes", "-Werror"]


def library(core: Path = CORE) -> list[Path]:
    """What core/meson.build makes libtocsin.a of; test_core_floors.py holds the two against each other."""
    return sorted(p for floor in ("sys", "parts", "objects") for p in (core / floor).glob("*.c"))


def compile_c(out: Path, sources: list[Path], *flags: str, core: Path = CORE) -> Path:
    command = [*CC, "-std=gnu11", f"-I{core}", *flags, *map(str, sources), "-o", str(out), "-pthread"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{shlex.join(command)}\n{done.stderr}"
    return out


def compile_objects(directory: Path, *flags: str) -> list[Path]:
    """The core's objects, for several programs with the same flags."""
    command = [*CC, "-std=gnu11", f"-I{CORE}", *flags, "-c", *map(str, library())]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=directory)
    assert done.returncode == 0, f"{shlex.join(command)}\n{done.stderr}"
    return sorted(directory.glob("*.o"))


#: What runs on the simulated floor 0. What stands under a lock has no verbs there.
SIMULATED = [
    *(f"parts/{stem}.c" for stem in ("bell", "place")),
    *(f"objects/{stem}.c" for stem in ("event", "event_handle", "handle_about", "handle_listen")),
    *(f"objects/{stem}.c" for stem in ("object", "removal", "signal")),
]


def compile_sim(directory: Path, core: Path = CORE, optimize: str = "-O1") -> Path:
    """The core above floor 0, as it is, on the simulated floor 0."""
    own = sorted(p for p in SIM.glob("*.c") if p.stem not in {"kernel_queue", "owner_sim", "queues"})
    sources = [core / name for name in SIMULATED] + own  # which include held.c and handle.c
    wraps = "-Wl,--wrap=calloc,--wrap=free,--wrap=strdup"
    return compile_c(directory / "sim", sources, optimize, "-g", "-DTOC_SIM", f"-I{SIM}", *WARNINGS, wraps, core=core)


def compile_queue_sim(directory: Path, core: Path = CORE, optimize: str = "-O1") -> Path:
    """The same for the queue, with what it stands on."""
    stems = ("object.c", "removal.c", "handle_*.c", "queue*.c")
    sources = [p for stem in stems for p in sorted((core / "objects").glob(stem))]
    sources += [core / "parts" / f"{stem}.c" for stem in ("bell", "place", "lock", "change")]
    sources += sorted((core / "parts").glob("log_*.c"))
    own = ("sched", "handle_sim", "held_sim", "owner_sim", "kernel_queue", "queues")  # kernel_queue includes kernel.c
    sources += [SIM / f"{stem}.c" for stem in own]
    wraps = "-Wl,--wrap=calloc,--wrap=malloc,--wrap=realloc,--wrap=free,--wrap=strdup"
    return compile_c(directory / "queue", sources, optimize, "-g", "-DTOC_SIM", f"-I{SIM}", *WARNINGS, wraps, core=core)


def changed_core(directory: Path, file: str, old: str, new: str) -> Path:
    """A copy of the core in which one thing is wrong."""
    core = directory / "core"
    shutil.copytree(CORE, core)
    path = core / file
    text = path.read_text()
    assert text.count(old) == 1, f"{file}: the text that this mutant changes is there {text.count(old)} times: {old}"
    path.write_text(text.replace(old, new))
    return core
