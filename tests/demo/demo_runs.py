"""The demo as a process, and what it left behind."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from harness.until import until

DEMO = [sys.executable, "-m", "tocsin.demo"]


def environment(tmp_path: Path, **more: str) -> dict[str, str]:
    scratch = tmp_path / "scratch"
    scratch.mkdir(exist_ok=True)
    return {**os.environ, "TMPDIR": str(scratch), **more}


def demo(tmp_path: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*DEMO, *arguments], env=environment(tmp_path, **more), capture_output=True, text=True, timeout=240, check=False
    )


def left_behind(tmp_path: Path) -> list[str]:
    """The files of a demo that ended. No process may still work in its place; who was killed needs a moment to go."""
    found = [str(path) for path in (tmp_path / "scratch").iterdir()]
    until(lambda: not at_work(tmp_path), f"these are gone: {at_work(tmp_path)}")
    return found


def at_work(tmp_path: Path) -> list[str]:
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            inherited = (process / "environ").read_bytes()
            command = (process / "cmdline").read_bytes()
        except OSError:  # ended meanwhile, or somebody else's
            continue
        if f"TOCSIN_AT={tmp_path}".encode() in inherited:
            found.append(command.decode())
    return found
