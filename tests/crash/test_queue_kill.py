"""Queues: every instruction is a place to die, and so is every moment of a busy queue. See README.md."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from crashbuild import IMPATIENT, PATIENCE, build, finds_out, run
from harness.cbuild import changed_core
from harness.prove import FULL, cases
from test_steps import NAMES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

STEPS = [name for name in NAMES if name.split(".")[0] in ("queue", "log", "short", "change")]

@pytest.fixture(scope="module")
def queue_step(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("crash")
    return build(out, "queue_step") if FULL else build(out, "queue_step", core=changed_core(out, *IMPATIENT))


@pytest.fixture(scope="module")
def queue_steps(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("crash"), "queue_step", "-DTOC_STEPS")


@pytest.mark.prove
@pytest.mark.timeout(12 * 3600 if FULL else 1800)
def test_a_kill_at_any_instruction_loses_nothing_and_gives_nothing_twice(
    queue_step: Path, place: str, seed: int, tally: Callable[[str], None]
) -> None:
    share = [] if FULL else ["--per", "1", "--thin", "20"]
    ran = run([queue_step, place, *share, "--seed", str(seed)], cases(1500, 12 * 3600 - 60))
    print(ran.text)
    assert ran.code == 0, ran.text
    total = ran.total
    assert total["faults"] == 0
    assert total["operations"] >= 62
    assert total["kills"] >= cases(200, 150_000)
    assert total["recoveries"] >= cases(5, 10_000), "one state in 20 of over 100, and each recovery at least once"
    tally(
        f"{total['kills']:,} kills in {total['operations']} operations, {total['recoveries']:,} of the recovery; "
        f"{total['instructions']:,} instructions stepped, seed {seed}"
    )


@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", STEPS)
def test_who_dies_at_a_named_step_of_a_queue_harms_nobody(queue_steps: Path, place: str, name: str) -> None:
    ran = run([queue_steps, place, "--step", name], 840)
    print(ran.text)
    assert ran.code == 0, ran.text
    assert ran.total["reached"] >= 1
    assert ran.total["faults"] == 0


@pytest.mark.prove
@pytest.mark.timeout(3600 if FULL else 1800)
def test_items_go_through_while_their_makers_and_takers_are_killed(
    tmp_path: Path, place: str, seed: int, tally: Callable[[str], None]
) -> None:
    program = build(tmp_path, "queue_kill")
    items, kills = str(cases(100_000, 2_000_000)), str(cases(100, 2_000))
    ran = run(
        [program, place, "--items", items, "--kills", kills, "--every", str(cases(40, 50)), "--seed", str(seed)],
        cases(1500, 3540),
    )
    print(ran.text)
    assert ran.code == 0, ran.text
    total = ran.total
    assert total["faults"] == 0
    assert total["kills"] >= cases(25, 500), "a fast queue is through before the last of them"
    assert total["items"] >= cases(100_000, 2_000_000)
    assert total["lost"] <= total["doubts"], "what a killed get had in hand, and no more"
    tally(
        f"{total['items']:,} items, {total['kills']} kills ({total['inside']} of them inside the lock), 0 lost but "
        f"{total['lost']} in the hands of {total['doubts']} killed gets; {total['repeats']:,} came again, attempt > 1"
    )
    for who, how, often in re.findall(r"^HIT (.{14}) (\w+) +(\d+)$", ran.text, re.MULTILINE):
        tally(f"hit in {who.strip()} ({how}): {int(often):,}")


# What the bench must find in a core that is wrong: file, what is there, what the mutant has, the operation.
MUTANTS = {
    "claims before it says that it holds": (
        "objects/queue_take.c",
        "    atom_store_rel(&mine->leased, mine->leased + 1); /* before the claim */\n",
        "",
        "receive: what came back",
    ),
    "forgets the dead before what they held is back": (
        "objects/queue_settle.c",
        '    TOC_STEP("queue.bury.before_commit");\n',
        (
            "    for (uint32_t i = 0; i < queue_holders(&q->s); i++)\n"
            "        if (toc_queue_is_one_of(d, toc_queue_holder(q, i)->id))\n"
            "            toc_queue_holder(q, i)->leased = 0;\n"
        ),
        "bury: what the dead held",
    ),
    "robs nobody of the lock, not even the dead": (
        "parts/short_lock.c",
        "!toc_owner_lives(me, toc_short_holder(w))",
        "0 && !toc_owner_lives(me, toc_short_holder(w))",
        "put: the lock was left by the dead",
    ),
}


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", MUTANTS)
def test_a_queue_that_is_wrong_is_found_out(name: str, tmp_path: Path, place: str, seed: int) -> None:
    *change, operation = MUTANTS[name]
    share = ["--per", "2", "--thin", "1", "--seed", str(seed), "--patience", PATIENCE, "--only", operation]
    finds_out(tmp_path, "queue_step", [IMPATIENT, tuple(change)], place, *share)
