"""Commands, environments and words, for every step."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import venv
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
WORK = ROOT / "build/packaging"
DIST = ROOT / "dist"

#: What a caller may have set for his own ends, and what would let a step see more than it says.
LEFT_OUT = ("PYTHONPATH", "PYTHONHOME", "TOCSIN_AT", "TOCSIN_PROVE", "MAKEFLAGS", "MAKELEVEL", "DESTDIR")
#: Of pip's own settings, too, where nothing may come from anywhere but the folder named.
OFFLINE = {"PIP_CONFIG_FILE": os.devnull, "PIP_NO_INDEX": "1", "PIP_EXTRA_INDEX_URL": "", "PIP_INDEX_URL": ""}


class Failed(SystemExit):
    """A step's end, in a sentence that says what to do."""

    def __init__(self, why: str) -> None:
        super().__init__(f"make wheel: {why}")


def step(title: str) -> None:
    print(f"-- {title}", flush=True)


def run(
    *command: str | Path, cwd: Path = ROOT, more: Mapping[str, str] | None = None, quiet: bool = True
) -> str:
    """Run it to its good end; what it said. One that fails is shown with all its words. Not quiet: it speaks itself."""
    environment = {name: value for name, value in os.environ.items() if name not in LEFT_OUT} | dict(more or {})
    words = [str(word) for word in command]
    done = subprocess.run(
        words, cwd=cwd, env=environment, text=True, check=False,
        stdout=subprocess.PIPE if quiet else None, stderr=subprocess.STDOUT if quiet else None,
    )  # fmt: skip
    if done.returncode:
        raise Failed(f"{shlex.join(words)} ended with {done.returncode}\n{done.stdout or ''}")
    return done.stdout or ""


class Environment:
    """A virtual environment of its own, empty at first: nothing of the caller's is in it."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.bin = home / "bin"
        self.python = self.bin / "python"
        venv.EnvBuilder(clear=True, with_pip=True, symlinks=True).create(home)

    def pip(self, *arguments: str | Path, more: Mapping[str, str] | None = None) -> str:
        return run(self.python, "-m", "pip", "--disable-pip-version-check", *arguments, more=more)

    def install(self, pinned: str) -> None:
        """What packaging/PINNED.txt lists, each file with the hash that is written there."""
        self.pip("install", "--quiet", "--require-hashes", "-r", HERE / f"{pinned}.txt")

    def path(self) -> dict[str, str]:
        """Its programs are found first."""
        return {"PATH": f"{self.bin}{os.pathsep}{os.environ['PATH']}", "VIRTUAL_ENV": str(self.home)}


def version_tag() -> str:
    """As in a wheel's name: cp313, or cp313t without the GIL."""
    return f"cp{sys.version_info.major}{sys.version_info.minor}"
