"""Signals and values: who dies in the middle of one, at any instruction, has done it or has not, and harms nobody."""

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
def test_a_kill_at_any_instruction_is_before_or_after(
    data_kill: Path, place: str, seed: int, tally: Callable[[str], None]
) -> None:
    ran = run([data_kill, place, "every", str(cases(20, 1_000)), str(seed)], cases(1500, 3 * 3600 - 60))
    print(ran.text)
    assert ran.code == 0, ran.text
    total = ran.total
    assert total["faults"] == 0
    assert total["kills"] >= cases(250, 5_000)
    tally(f"{total['kills']:,} kills of signallers and writers, seed {seed}")


# What it must find in a core that is wrong: file, what is there, what the mutant has, the scene.
MUTANTS = {
    "opens the bell after the signal": (
        "objects/signal.c",
        "if (rc == 0 && (w & TOC_BELL) && ring.fd < 0)",
        "if (0)",
        "signal: one waits",
    ),
    "deletes the old value before the new one is there": (
        "objects/data.c",
        '        TOC_STEP("data.signal.before_commit");\n',
        "        toc_data_tidy(d, old);\n",
        "data: a large one for a large one",
    ),
    "writes into the present value": (
        "objects/data.c",
        "rc = toc_data_fill(d, !old, now + 1, data, length);",
        "rc = toc_data_fill(d, old, now + 1, data, length), old = !old;",
        "data: the first value",
    ),
    "remembers a file after it was made": (
        "objects/data_value.c",
        "        atom_store_relax(&slot->file, number);\n    }\n",
        (
            "    }\n    file_path(d, number, path);\n    sys_close(sys_open_part(path, true, 0600));\n"
            "    atom_store_relax(&slot->file, number);\n"
        ),
        "data: a large one for a small one",
    ),
    "wakes after the commit, by a call of its own": (
        "sys/sys_linux.c",
        "    return (int)futex(word, FUTEX_WAKE_OP, (uint32_t)count, (void *)0, word, op);",
        (
            "    (void)op; __atomic_fetch_add((uint32_t *)word, (uint32_t)add, __ATOMIC_ACQ_REL);\n"
            "    return (int)futex(word, FUTEX_WAKE, (uint32_t)count, (void *)0, 0, 0);"
        ),
        "data: a small one, one waits",
    ),
}


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", MUTANTS)
def test_a_wrong_core_is_found_out(name: str, tmp_path: Path, place: str, seed: int) -> None:
    *change, scene = MUTANTS[name]
    finds_out(tmp_path, "data_kill", [tuple(change)], place, "every", "100", str(seed), PATIENCE, scene)
