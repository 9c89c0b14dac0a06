"""The core on a simulated floor 0: all schedules of two to four threads with few preemptions and a kill, and many
more by seed. At the end of each, nobody sleeps who should have been released, and a fresh set and clear release
the rest. A failure prints its seed or its choices; ``sim show SCENARIO KILLS seed N`` tells that run aloud.
"""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from corebuild import compile_sim
from harness.cbuild import changed_core
from harness.prove import FULL, cases
from mutants import MUTANTS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

# Scenario, then preemptions and kills of the slice: what is exhausted within a second or two.
ALL = [
    (":w s", 3, 1),
    (":w p", 3, 1),
    ("1:g q", 3, 1),
    ("1:c k", 3, 1),
    (":f s", 2, 1),
    (":f p", 2, 1),
    (":i s", 2, 1),
    (":a p", 2, 1),
    ("1:A k", 2, 1),
    ("1:h q", 2, 1),
    ("b1:h k s", 1, 1),
    ("b:w u", 2, 1),
    (":f u", 2, 1),
    (":a u", 2, 1),
    ("1:c u", 2, 1),
    ("b:wx s", 2, 1),
    ("b1:gx q", 2, 1),
    ("1:cx k", 2, 0),
    (":o o", 2, 1),
    (":ff s", 1, 0),
    (":u o w", 1, 1),
    (":u u w", 1, 1),
    (":w f p", 1, 1),
    (":w s f", 1, 1),
    ("b:f s k", 1, 1),
    ("b:f a S", 1, 1),
    ("b1:g c q", 1, 1),
    ("bL:i p", 2, 1),
    ("bL:s k a", 1, 1),
    ("bL1:c k f", 1, 1),
    ("m:w f p", 1, 1),
    (":w s p f", 1, 0),
    ("~:w s", 2, 1),
    ("~:f s", 2, 1),
    ("~:a S", 2, 0),
    ("~:w u", 2, 1),
    ("~b:wz", 2, 1),
    ("~:wx s", 1, 1),
    ("~b:w s s", 1, 1),
    ("~bL:s a", 2, 1),
    ("~:W S", 1, 1),
    ("~:ww S", 1, 1),
    ("~m:w f s", 1, 1),
]

RANDOM = [
    ":w s p f", ":w s p a", "b:w f s k", "b1:c g k s", "b1:A c g q", ":f i u s", "bF:f a p q", "bL1:c A q p",
    "m:w f a p", "m1:g c q", "b:wx s", "b:wwx s", "b1:ccx", "b1:cx u", "1:cx k", "b1:gx q", ":ff s", ":aw p", ":ss w f",
    "b:w u o", ":f u o", "1:g u o", "1:c u k", ":a f u", ":uu w", ":w s s k f", "b:S f k", "b:f p k c",
    "1:h q p", "b1:h g k s", ":w w s p a f",
    "~:w f a s s", "~b:W w S s", "~bL:ww f S u", "~m:W a s S", "~:Wx s S", "~b:wwz a s",
]  # fmt: skip

RUNS = cases(4_000, 1_000_000)


@pytest.fixture(scope="session")
def sim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compile_sim(tmp_path_factory.mktemp("sim"))


def _run(sim: Path, *arguments: str) -> dict[str, Any]:
    done = subprocess.run([sim, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), (arguments, done.returncode, done.stdout, done.stderr)
    return json.loads(done.stdout)


def _line(counts: dict[str, Any]) -> str:
    return "{scenario!r}: {runs:,} schedules, {points:,} points, {switches:,} switches, {kills:,} kills".format(
        **counts
    )


@pytest.mark.prove
@pytest.mark.parametrize(("scenario", "preemptions", "kills"), ALL, ids=[a[0] for a in ALL])
def test_all_schedules(sim: Path, scenario: str, preemptions: int, kills: int, tally: Callable[[str], None]) -> None:
    most = cases(1_200_000, 30_000_000)
    counts = _run(sim, "all", str(preemptions + FULL), str(max(kills, FULL)), str(most), scenario)
    assert not counts["failed"], counts["failed"]
    assert FULL or counts["runs"] < most, "the slice is meant to be exhausted"
    assert counts["runs"] > 100
    assert counts["switches"] > counts["runs"]
    assert counts["kills"] > counts["runs"] // 2 or not kills
    tally(_line(counts))


@pytest.mark.prove
@pytest.mark.parametrize("kills", [0, 2])
@pytest.mark.parametrize("scenario", RANDOM)
def test_random_schedules(sim: Path, scenario: str, kills: int, tally: Callable[[str], None]) -> None:
    counts = _run(sim, "random", "1", str(RUNS), str(kills), scenario)
    assert not counts["failed"], counts["failed"]
    assert counts["runs"] == RUNS
    assert counts["sleeps"] > 0
    assert (counts["kills"] > RUNS // 10) == (kills > 0)
    tally(_line(counts))


@pytest.mark.prove
@pytest.mark.parametrize("name", MUTANTS)
def test_mutant_is_caught(name: str, tmp_path: Path, tally: Callable[[str], None]) -> None:
    """A simulation that finds nothing proves nothing, unless it finds what is there."""
    mutant = MUTANTS[name]
    broken = compile_sim(tmp_path, changed_core(tmp_path, mutant.file, mutant.old, mutant.new))
    ways = (("1", "1"), ("2", "0"))
    found = [_run(broken, "all", *way, "400000", mutant.scenario) for way in ways]
    caught = [counts for counts in found if "lost wake-up" in counts["failed"]]
    assert caught, f"{mutant.why}: not caught by {found}"
    tally(f"{mutant.why}: caught in schedule {caught[0]['runs']:,}")


def test_a_seed_is_the_same_run_again(sim: Path) -> None:
    first, again = (
        subprocess.run([sim, "show", "b:w f p", "1", "seed", "7"], capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    )
    assert first == again
    assert "is done" in first


def test_a_run_that_failed_can_be_shown(tmp_path: Path) -> None:
    mutant = MUTANTS["store_then_wake"]
    broken = compile_sim(tmp_path, changed_core(tmp_path, mutant.file, mutant.old, mutant.new))
    failed = _run(broken, "all", "1", "1", "400000", mutant.scenario)["failed"]
    choices = failed.rpartition("choices ")[2]
    shown = subprocess.run(
        [broken, "show", mutant.scenario, "1", "choices", choices or "0"], capture_output=True, text=True, check=False
    )
    assert shown.returncode == 1
    assert "is killed" in shown.stdout
    assert "lost wake-up" in shown.stdout
