"""Every instruction is a place to die: the slice takes those around system calls and around changes of the word,
and some by chance; `make prove` takes all of them. See README.md."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from crashbuild import PATIENCE, finds_out, run
from harness.prove import FULL, cases

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.mark.prove
@pytest.mark.timeout(6 * 3600 if FULL else 1800)
def test_a_kill_at_any_instruction_leaves_nobody_asleep_and_nothing_torn(
    single_step: Path, place: str, seed: int, tally: Callable[[str], None]
) -> None:
    ran = run([single_step, place, "--per", str(cases(12, 0)), "--seed", str(seed)], cases(1500, 6 * 3600 - 60))
    print(ran.text)
    assert ran.code == 0, ran.text
    total = ran.total
    assert total["faults"] == 0
    assert total["operations"] >= 57
    assert total["kills"] >= cases(1_500, 50_000)
    assert total["recoveries"] >= cases(600, 50_000)
    assert total["pairs"] >= cases(200, 10_000)
    tally(
        f"{total['kills']:,} kills in {total['operations']} operations, {total['recoveries']:,} of the recovery, "
        f"{total['pairs']:,} with somebody arriving; {total['instructions']:,} instructions stepped, seed {seed}"
    )


# What the bench must find in a core that is wrong: file, what is there, what the mutant has, the operation.
MUTANTS = {
    "stores first and wakes afterwards": (
        "sys/sys_linux.c",
        "return (int)futex(word, FUTEX_WAKE_OP, 0x7fffffff, (void *)0, word, op);",
        (
            "(void)op; __atomic_fetch_or(word, bits, __ATOMIC_ACQ_REL);"
            " return (int)futex(word, FUTEX_WAKE, 0x7fffffff, (void *)0, 0, 0);"
        ),
        "set: a sleeper",
    ),
    "opens the bell after the change": (
        "objects/event.c",
        "if ((w & (TOC_HASBELL | TOC_BELL)) && ring.fd < 0) {",
        "if (0 && ring.fd < 0) {",
        "set: a listener",
    ),
    "names the object before it is filled": (
        "objects/object.c",
        "    rc = bear(fd, kind, size, birth, mode, id);\n",
        (
            "    rc = sys_allocate(fd, size);\n    if (!named) sys_name(fd, hidden, named, p->path);\n"
            "    rc = bear(fd, kind, size, birth, mode, id);\n"
        ),
        "open: makes it",
    ),
    "owns without waking those who sleep in the futex": (
        "objects/event_own.c",
        "rc = sys_futex_or_wake(&head->word, TOC_OWNED);",
        "rc = (atom_or_acqrel(&head->word, TOC_OWNED), 0);",
        "own, set: a sleeper",
    ),
    "owns with an empty hand": (
        "objects/event_own.c",
        "        toc_held_move_entered(&e->hand, ring);\n",
        "",
        "own: a listener",
    ),
    "does not finish a dead remover's work": (
        "objects/object.c",
        "if (rc == 0 && (atom_load_acq(&h->word) & TOC_REMOVED))",
        "if (0)",
        "unlink: nobody waits",
    ),
}


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", MUTANTS)
def test_a_core_that_is_wrong_is_found_out(name: str, tmp_path: Path, place: str, seed: int) -> None:
    *change, operation = MUTANTS[name]
    share = ["--per", "25", "--seed", str(seed), "--only", operation, "--patience", PATIENCE]
    finds_out(tmp_path, "single_step", [tuple(change)], place, *share)
