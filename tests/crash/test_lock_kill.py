"""Locks: who dies while he takes one, holds it, or gives it back, lets the next one in, at once; and never two."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from crashbuild import PATIENCE, finds_out, run
from harness.prove import FULL, cases

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.mark.prove
@pytest.mark.timeout(3 * 3600 if FULL else 1800)
def test_a_kill_at_any_instruction_lets_the_next_one_in(
    lock_kill: Path, place: str, seed: int, tally: Callable[[str], None]
) -> None:
    ran = run([lock_kill, place, "every", str(cases(100, 0)), str(seed)], cases(1500, 3 * 3600 - 60))
    print(ran.text)
    assert ran.code == 0, ran.text
    total = ran.total
    assert total["faults"] == 0
    assert total["kills"] >= cases(400, 5_000)
    tally(f"{total['kills']:,} kills of those who take a lock and give it back, seed {seed}")


@pytest.mark.prove
@pytest.mark.timeout(900)
def test_the_holder_is_killed_again_and_again(lock_random: Path, place: str, tally: Callable[[str], None]) -> None:
    ran = run([lock_random, place, str(cases(6, 60)), "50"], 840)
    print(ran.text)
    assert ran.code == 0, ran.text
    total = ran.total
    assert total["faults"] == 0
    assert total["kills"] >= cases(20, 600)
    assert total["fewest"] > 0, "nobody starves"
    tally(
        f"{total['kills']:,} holders killed among 8 processes and 8 threads, {total['turns']:,} turns; waited on the "
        f"dead: {total['median_us']:,} us in the median, {total['worst_us']:,} us at most; "
        f"for a turn: {total['longest_us']:,} us"
    )


# What it must find in a core that is wrong: file, what is there, what the mutant has, the scene.
MUTANTS = {
    "holds no ring": (
        "objects/lock.c",
        " || (rc = toc_lock_take_ring(l, now)) < 0)",
        ")",
        "release: one waits",
    ),
    "forgets to say that he died": (
        "objects/lock.c",
        "claim_owner(was) || (was & TOC_ABANDONED)",
        "0",
        "try: a dead one's",
    ),
    "takes a stranger's for a dead one's": (
        "objects/lock.c",
        "if (claim_owner(claim) && toc_owner_lives(me, claim_owner(claim))) {",
        "if (claim_owner(claim) == me->id) {",
        "acquire: falls asleep",
    ),
    "never asks who lives": (
        "objects/lock.c",
        "if (claim_owner(claim) && toc_owner_lives(me, claim_owner(claim))) {",
        "if (claim_owner(claim)) {",
        "release: nobody waits",
    ),
}


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", MUTANTS)
def test_a_wrong_core_is_found_out(name: str, tmp_path: Path, place: str, seed: int) -> None:
    *change, scene = MUTANTS[name]
    finds_out(tmp_path, "lock_kill", [tuple(change)], place, "every", "100", str(seed), PATIENCE, scene)
