"""Topics: who dies while emitting, listening or reading, at any instruction, harms nobody."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from crashbuild import IMPATIENT, PATIENCE, build, finds_out, run
from harness.cbuild import changed_core
from harness.prove import FULL, cases

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture(scope="module")
def topic_step(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("crash")
    return build(out, "topic_step") if FULL else build(out, "topic_step", core=changed_core(out, *IMPATIENT))


@pytest.mark.prove
@pytest.mark.timeout(6 * 3600 if FULL else 1800)
def test_a_kill_at_any_instruction_is_before_or_after(
    topic_step: Path, place: str, seed: int, tally: Callable[[str], None]
) -> None:
    ran = run([topic_step, place, "every", str(cases(5, 1_000)), str(seed)], cases(1500, 6 * 3600 - 60))
    print(ran.text)
    assert ran.code == 0, ran.text
    total = ran.total
    assert total["faults"] == 0
    assert total["kills"] >= cases(150, 10_000)
    tally(f"{total['kills']:,} kills of emitters, listeners and readers, seed {seed}")


# What it must find in a core that is wrong: file, what is there, what the mutant has, the scene.
MUTANTS = {
    "wakes after the commit, by a call of its own": (
        "sys/sys_linux.c",
        "    return (int)futex(word, FUTEX_WAKE_OP, (uint32_t)count, (void *)0, word, op);",
        (
            "    (void)op; __atomic_fetch_add((uint32_t *)word, (uint32_t)add, __ATOMIC_ACQ_REL);\n"
            "    return (int)futex(word, FUTEX_WAKE, (uint32_t)count, (void *)0, 0, 0);"
        ),
        "emit: one sleeps",
    ),
    "writes the state that is current": (
        "objects/topic_state.c",
        "&f->state[(change_count(w) + 1) & 1], &t->s",
        "&f->state[change_count(w) & 1], &t->s",
        "the first emit",
    ),
    "lets go more than once in a change": (
        "objects/topic_emit.c",
        "if (quick || t->log.copy >= 0)",
        "if (quick)",
        "emit of many",
    ),
    "takes what was let go for damaged, until the floor is raised": (
        "objects/topic_view.c",
        "!topic_is_intact(t, position) || (toc_topic_snapshot(t, &s) && position < s.low)",
        "!topic_is_intact(t, position)",
        "used again",
    ),
    "waits for the dead": (
        "objects/topic_slots.c",
        "if (who && atom_load_acq(&slot->sequence) < sequence && lives(t, who))",
        "if (who && atom_load_acq(&slot->sequence) < sequence)",
        "read of what an emitter waits for",
    ),
    "deletes what it lets go before it is let go": (
        "objects/topic_emit.c",
        "    release(t, table->segment[go].base);\n",
        (
            "    if (t->log.path) { char path[TOC_PATH_MAX + 64]; for (uint32_t i = 0; i < go; i++)\n"
            "        if (toc_log_file(&t->log, table->segment[i].file, path) == 0) sys_unlink(path); }\n"
            "    release(t, table->segment[go].base);\n"
        ),
        "emit that deletes a segment",
    ),
}


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", MUTANTS)
def test_a_wrong_core_is_found_out(name: str, tmp_path: Path, place: str, seed: int) -> None:
    *change, scene = MUTANTS[name]
    finds_out(tmp_path, "topic_step", [IMPATIENT, tuple(change)], place, "every", "100", str(seed), PATIENCE, scene)
