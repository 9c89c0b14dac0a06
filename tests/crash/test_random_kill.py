"""Kills at random times, in all kinds of callers, and where they hit. See README.md."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from crashbuild import HERE, run
from harness.prove import FULL, cases

if TYPE_CHECKING:
    from collections.abc import Callable

KILLS = cases(1_500, 10_000)
ROLES = [
    "setter",
    "setter with listeners",
    "opener",
    "unlinker",
    "clearer",
    "sleeper",
    "listener",
    "waits for the clear",
    "three threads",
    "Python, loop and thread",
    "shell, evt_wait",
]


def histogram(text: str) -> dict[tuple[str, str], int]:
    """(who, where) -> how often, from lines like `HIT setter   set   running   12`."""
    found: dict[tuple[str, str], int] = {}
    for line in text.splitlines():
        if line.startswith("HIT "):
            who, where, how_often = line[4:28].strip(), line[29:49].strip(), int(line.split()[-1])
            found[who, where] = found.get((who, where), 0) + how_often
    return found


@pytest.mark.prove
@pytest.mark.timeout(3600 if FULL else 1800)
def test_kills_at_random_times_hang_nobody(
    random_kill: Path, place: str, tmp_path: Path, seed: int, tally: Callable[[str], None]
) -> None:
    evt_wait = shutil.which("evt_wait", path=str(Path(sys.executable).parent)) or shutil.which("evt_wait")
    assert evt_wait, "evt_wait comes with the package, and is not on PATH"
    command: list[str | Path] = [random_kill, place, tmp_path / "page", "--kills", str(KILLS), "--seed", str(seed)]
    command += ["--evt-wait", evt_wait, "--python", sys.executable, "--script", HERE / "worker.py"]
    ran = run(command, cases(1500, 3540))
    print(ran.text)
    assert ran.code == 0, ran.text
    assert ran.total["hangs"] == 0
    assert ran.total["kills"] >= KILLS
    hits = histogram(ran.text)
    assert {who for who, _ in hits} == set(ROLES)
    for where in ("set", "clear", "open", "wait", "wait_clear"):
        assert sum(n for (_, w), n in hits.items() if w == where) > 0, f"nobody was hit in {where}"
    tally(f"{ran.total['kills']:,} kills in {ran.total['rounds']:,} rounds, 0 hangs, seed {seed}")
    for where in sorted({w for _, w in hits}):
        tally(f"hit in {where}: {sum(n for (_, w), n in hits.items() if w == where):,}")
