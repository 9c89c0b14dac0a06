"""`tocsin run` dies at any instruction: its dependents hear of it, and its command is told. See run_step.c."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from crashbuild import PATIENCE, build, run
from harness.cbuild import changed_core
from harness.prove import FULL, cases

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.mark.prove
@pytest.mark.timeout(6 * 3600 if FULL else 1800)
def test_a_kill_at_any_instruction_is_heard(
    run_step: Path, tocsin: Path, place: str, seed: int, tally: Callable[[str], None]
) -> None:
    # In full: one in ten of the instructions, which are a program's start for the most part.
    ran = run([run_step, place, tocsin, str(cases(2, 1000)), str(seed)], cases(1500, 6 * 3600 - 60))
    print(ran.text)
    assert ran.code == 0, ran.text
    assert ran.total["faults"] == 0
    assert ran.total["scenes"] == 5
    assert ran.total["kills"] >= cases(400, 10_000)
    tally(f"{ran.total['kills']:,} kills, {ran.total['instructions']:,} instructions, seed {seed}")


CHILD, ITSELF = "between vfork and exec, the command stays", "run itself"
NEVER_TOLD, TOO_EARLY = "the command was never told", "it is set, and the command had not ended"
#: file, what is there, what the mutant has, where it must be found, as what
MUTANTS = {
    "does not ask the kernel to tell the command": (
        "programs/run_child.c", "    prctl(PR_SET_PDEATHSIG, SIGTERM);\n", "", CHILD, NEVER_TOLD),
    "does not look whether it was too late for that": (
        "programs/run_child.c", "if (getppid() != parent)", "if (0)", CHILD, NEVER_TOLD),
    "sets before the command has ended": (
        "programs/run.c", "    int no_process = 0, code = 0,",
        "    toc_event_set(j->e);\n    int no_process = 0, code = 0,", ITSELF, TOO_EARLY),
}  # fmt: skip


@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", MUTANTS)
def test_a_program_that_is_wrong_is_found_out(name: str, run_step: Path, tmp_path: Path, place: str, seed: int) -> None:
    file, old, new, scene, fault = MUTANTS[name]
    program = build(tmp_path, "tocsin", core=changed_core(tmp_path, file, old, new))
    ran = run([run_step, place, program, "10000" if scene == CHILD else "2", str(seed), PATIENCE, scene], 840)
    assert ran.code == 1, ran.text
    assert fault in ran.text
