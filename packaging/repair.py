"""From "runs on this machine" to "runs wherever the C library is at least this old": a manylinux or musllinux tag."""

from __future__ import annotations

from typing import TYPE_CHECKING

from run import DIST, Environment, Failed, run, step

if TYPE_CHECKING:
    from pathlib import Path


def repair(wheel: Path, tools: Environment) -> Path:
    step("repairing it (auditwheel)")
    run(tools.bin / "auditwheel", "repair", "--wheel-dir", DIST, wheel, more=tools.path())
    (made,) = DIST.glob("*.whl")
    if "manylinux" not in made.name and "musllinux" not in made.name:
        raise Failed(f"{made.name} has no tag that an index accepts: {run(tools.bin / 'auditwheel', 'show', made)}")
    return made
