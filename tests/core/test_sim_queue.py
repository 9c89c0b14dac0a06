"""The queue on a simulated floor 0, as test_sim.py has the event there: random schedules of two or three processes,
which are killed. At the end of each a fresh process takes what is left, and every item must be accounted for.
``queue show SCENARIO KILLS seed N`` tells a run aloud.
"""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from corebuild import compile_queue_sim
from harness.cbuild import changed_core
from harness.prove import cases
from mutants_queue import QUEUE_MUTANTS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SCENARIOS = [
    ":p g", ":pp gg", ":g g p", ":r p", "1:r r", "1:r r r", "1:r g p", "1:n r", "1:n g p", "2:rr g p", "f1:p g",
    "f:p g p", "f1:p p r", "1:j t", "2:tt j", "2:r g j", "f:p t j", "L:ppp ggg", "L2:r p g", ":s p g",
]  # fmt: skip

RUNS = cases(500, 100_000)


@pytest.fixture(scope="session")
def queue_sim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compile_queue_sim(tmp_path_factory.mktemp("queue_sim"))


def _run(sim: Path, kills: int, runs: int, scenario: str) -> dict[str, Any]:
    command = [str(sim), "random", "1", str(runs), str(kills), scenario]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), (scenario, done.returncode, done.stdout, done.stderr)
    counts: dict[str, Any] = json.loads(done.stdout)
    return counts


@pytest.mark.prove
@pytest.mark.parametrize("kills", [0, 2])
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_random_schedules_of_a_queue(queue_sim: Path, scenario: str, kills: int, tally: Callable[[str], None]) -> None:
    counts = _run(queue_sim, kills, RUNS, scenario)
    assert not counts["failed"], counts["failed"]
    assert counts["runs"] == RUNS
    assert counts["taken"] > RUNS // 4
    assert (counts["kills"] > RUNS // 2) == (kills > 0)
    assert counts["again"] or not kills or not {"r", "n"} & set(scenario)
    tally(
        "{scenario!r}: {runs:,} schedules, {points:,} points, {switches:,} switches, {kills:,} kills, "
        "{taken:,} items taken, {again:,} of them again".format(**counts)
    )


@pytest.mark.prove
@pytest.mark.parametrize("name", QUEUE_MUTANTS)
def test_mutant_of_the_queue_is_caught(name: str, tmp_path: Path, tally: Callable[[str], None]) -> None:
    mutant = QUEUE_MUTANTS[name]
    broken = compile_queue_sim(tmp_path, changed_core(tmp_path, mutant.file, mutant.old, mutant.new))
    caught = _run(broken, 2, 60_000, mutant.scenario)
    assert caught["failed"], f"{mutant.why}: not caught by {caught}"
    tally(f"{mutant.why}: caught in schedule {caught['runs']:,}: {caught['failed']}")


def test_a_seed_of_the_queue_is_the_same_run_again(queue_sim: Path) -> None:
    command = [str(queue_sim), "show", "1:r r p", "2", "seed", "7"]
    first, again = (subprocess.run(command, capture_output=True, text=True, check=True).stdout for _ in range(2))
    assert first == again
    assert "is done" in first
