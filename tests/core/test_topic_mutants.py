"""What the crowds of unit_topic_threads.c must find in a core whose readers, or emitters, forget the floor."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
from corebuild import HERE, WARNINGS
from harness.cbuild import changed_core, compile_c, library

if TYPE_CHECKING:
    from pathlib import Path

MUTANTS = {
    "who has copied does not look at the floor": (
        "objects/topic.h",
        "return position >= atom_load_relax(&topic_file(t)->floor);",
        "(void)t; (void)position; return true;",
    ),
    "the floor is never raised": ("objects/topic_state.c", "atom_store_rel(floor, t->s.low)", "(void)floor"),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_crowds_find_it_out(name: str, tmp_path: Path, place: str) -> None:
    core = changed_core(tmp_path, *MUTANTS[name])
    flags = ["-O1", "-g", f"-I{HERE}", *WARNINGS]
    program = compile_c(tmp_path / "crowds", [HERE / "unit_topic_threads.c", *library(core)], *flags, core=core)
    for _ in range(20):  # a crowd on a busy machine may be one after the other
        done = subprocess.run([str(program), place], capture_output=True, text=True, check=False)
        if done.returncode:
            break
    assert done.returncode == 1, "the mutant went unnoticed"
    assert "not true" in done.stderr or " is " in done.stderr, done.stderr
