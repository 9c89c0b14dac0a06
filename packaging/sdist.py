"""The sdist, and that it builds without a network from what it declares."""

from __future__ import annotations

import shutil
import tarfile
from typing import TYPE_CHECKING

from run import DIST, HERE, OFFLINE, ROOT, WORK, Environment, Failed, run, step

if TYPE_CHECKING:
    from pathlib import Path


def requirements(tools: Environment) -> Path:
    """A folder with everything that a build needs, and nothing else: the one step that goes to the network for it."""
    folder = WORK / "requirements"
    step("fetching what a build needs, pinned by hash (packaging/build-requirements.txt)")
    tools.pip("download", "--quiet", "--require-hashes", "--only-binary", ":all:", "--dest", folder,
              "-r", HERE / "build-requirements.txt")  # fmt: skip
    return folder


def offline(folder: Path) -> dict[str, str]:
    return {**OFFLINE, "PIP_FIND_LINKS": str(folder), "SOURCE_DATE_EPOCH": _commit_time()}


def _commit_time() -> str:
    """Two builds of one commit carry one time."""
    return run("git", "log", "-1", "--format=%ct").strip()


def sdist(tools: Environment, folder: Path) -> Path:
    """Of what is committed: meson asks git what belongs to it."""
    step("building the sdist")
    if changed := run("git", "status", "--porcelain", "--untracked-files=no").strip():
        print(f"   not committed, and so not in it:\n{changed}")
    run(tools.python, "-m", "build", "--sdist", "--outdir", DIST, ROOT, more=offline(folder))
    (made,) = DIST.glob("tocsin-*.tar.gz")
    with tarfile.open(made) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    for needed in ("LICENSE", "meson.build", "core/tocsin.h", "core/tocsin.pc.in", "src/tocsin/_core.pyx"):
        if needed not in names:
            raise Failed(f"{made.name} lacks {needed}; is it committed?")
    return made


def wheel_of(made: Path, tools: Environment, folder: Path) -> Path:
    """The wheel, from the sdist alone: unpacked by pip, in an isolated environment that the folder fills."""
    step("building the wheel from the sdist, offline")
    raw = WORK / "raw"
    shutil.rmtree(raw, ignore_errors=True)
    tools.pip("wheel", "--quiet", "--no-index", "--no-deps", "--no-cache-dir", "--find-links", folder,
              "--wheel-dir", raw, made, more=offline(folder))  # fmt: skip
    (wheel,) = raw.glob("*.whl")
    return wheel
