"""Named steps (core/sys/step.h): each name in the sources is in the test build, some scenario reaches it, the process
really dies there, and the others go on."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from crashbuild import run
from harness.cbuild import CORE

if TYPE_CHECKING:
    from pathlib import Path

NAMES = sorted(
    {
        name
        for path in CORE.rglob("*.c")
        for name in re.findall(r'^[^/*\n]*\bTOC_STEP\("([^"]+)"\)', path.read_text(), re.MULTILINE)
    }
)


def test_the_names_in_the_binary_are_those_of_the_sources(steps: Path, single_step: Path) -> None:
    found = {name.decode() for name in re.findall(rb"toc-step:([a-z_.]+)\0", steps.read_bytes())}
    assert found == set(NAMES)
    assert len(NAMES) >= 12
    assert b"toc-step:" not in single_step.read_bytes(), "a release build has no steps"


#: By the first word of a name, the programs of which each must reach it; those of queues are in test_queue_kill.py.
PROGRAMS = {
    "event": ["steps"],
    "signal": ["data_steps"],
    "data": ["data_steps"],
    "short": ["data_steps"],
    "lock": ["lock_steps"],
    "change": ["data_steps"],
    "handle": ["steps", "data_steps"],
    "removal": ["steps", "data_steps"],
    "topic": ["topic_steps"],
    "object": ["steps"],
    "bell": ["steps"],
}


@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", [n for n in NAMES if n.split(".")[0] not in ("queue", "log")])
def test_who_dies_at_a_named_step_harms_nobody(request: pytest.FixtureRequest, place: str, name: str) -> None:
    programs = PROGRAMS.get(name.split(".", maxsplit=1)[0])
    assert programs, f"{name}: which program has a scene that gets there? PROGRAMS has to say"
    for program in programs:
        binary = request.getfixturevalue(program)
        ran = run([binary, place, *([] if program == "steps" else ["step"]), name], 840)
        print(ran.text)
        assert ran.code == 0, ran.text
        assert ran.total["reached"] >= 1, program
        assert ran.total["faults"] == 0


def test_a_step_that_nobody_reaches_is_a_failure(steps: Path, data_steps: Path, place: str) -> None:
    ran = run([steps, place, "no.such.step"], 840)
    assert ran.code == 1
    assert ran.total["reached"] == 0
    assert run([data_steps, place, "step", "no.such.step"], 840).total["reached"] == 0
