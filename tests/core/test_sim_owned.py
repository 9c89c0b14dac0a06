"""Ownership on the simulated floor 0, as test_sim.py has the event there: whoever waits for an event whose owner is
killed, at whatever point, is told, unless it was set before; two never own it; and the living are not said to be dead.
"""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from corebuild import compile_sim
from harness.cbuild import changed_core
from harness.prove import FULL, cases
from mutants_owned import OWNED_MUTANTS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

# Scenario, then preemptions and kills of the slice.
ALL = [
    (":w O", 1, 1),
    ("O:w O", 1, 1),
    ("b:w O", 1, 1),
    ("m:w O", 1, 1),
    (":w D", 1, 1),
    (":w E", 1, 1),
    (":w Y", 1, 1),
    (":f O", 1, 1),
    (":i O", 1, 1),
    ("b:a O", 1, 1),
    (":h O", 1, 1),
    (":O D", 1, 1),
    (":Y Y", 1, 1),
    (":w O u", 1, 0),
    ("b:w O k", 1, 0),
    (":w O p", 1, 0),
]

RANDOM = [
    ":w w O O p", "b:w f a O D s", ":w f E k s", ":ww a Y Y p", "m:w f a O O k", "1:g w O q", "1:g h O k p",
    "b:f i O k", ":w c O p", ":OO w D", ":OE w", ":wOx w", ":Yx w a", "O:ww O D k", ":OxO w s", ":Os Os w",
    ":ODO k w", ":w u O", ":f u O", ":w s Y",
]  # fmt: skip

RUNS = cases(2_000, 500_000)


@pytest.fixture(scope="session")
def sim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compile_sim(tmp_path_factory.mktemp("sim"))


def _run(sim: Path, *arguments: str) -> dict[str, Any]:
    done = subprocess.run([sim, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), (arguments, done.returncode, done.stdout, done.stderr)
    counts: dict[str, Any] = json.loads(done.stdout)
    return counts


def _line(counts: dict[str, Any]) -> str:
    return "{scenario!r}: {runs:,} schedules, {points:,} points, {kills:,} kills".format(**counts)


@pytest.mark.prove
@pytest.mark.parametrize(("scenario", "preemptions", "kills"), ALL, ids=[a[0] for a in ALL])
def test_all_schedules_of_owners(
    sim: Path, scenario: str, preemptions: int, kills: int, tally: Callable[[str], None]
) -> None:
    most = cases(500_000, 20_000_000)
    counts = _run(sim, "all", str(preemptions + FULL), str(max(kills, FULL)), str(most), scenario)
    assert not counts["failed"], counts["failed"]
    assert FULL or counts["runs"] < most, "the slice is meant to be exhausted"
    assert counts["kills"] > counts["runs"] // 2 or not kills
    tally(_line(counts))


@pytest.mark.prove
@pytest.mark.parametrize("kills", [0, 2])
@pytest.mark.parametrize("scenario", RANDOM)
def test_random_schedules_of_owners(sim: Path, scenario: str, kills: int, tally: Callable[[str], None]) -> None:
    counts = _run(sim, "random", "1", str(RUNS), str(kills), scenario)
    assert not counts["failed"], counts["failed"]
    assert counts["runs"] == RUNS
    tally(_line(counts))


@pytest.mark.prove
@pytest.mark.parametrize("name", OWNED_MUTANTS)
def test_mutant_of_ownership_is_caught(name: str, tmp_path: Path, tally: Callable[[str], None]) -> None:
    mutant = OWNED_MUTANTS[name]
    broken = compile_sim(tmp_path, changed_core(tmp_path, mutant.file, mutant.old, mutant.new))
    ways = (("random", "1", "20000", "1"), ("all", "1", "1", "200000"), ("random", "1", "200000", "1"))
    tried = (_run(broken, *way, mutant.scenario) for way in ways)
    caught = next((counts for counts in tried if mutant.fault in counts["failed"]), None)
    assert caught, f"{mutant.why}: not caught"
    tally(f"{mutant.why}: caught in schedule {caught['runs']:,}")
