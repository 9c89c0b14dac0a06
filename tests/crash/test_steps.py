"""Named steps (core/sys/step.h): each name in the sources is in the test build, some scenario reaches it, the process
really dies there, and the others go on."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from crashbuild import CORE, run

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


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", NAMES)
def test_who_dies_at_a_named_step_harms_nobody(steps: Path, place: str, name: str) -> None:
    ran = run([steps, place, name], 240)
    print(ran.text)
    assert ran.code == 0, ran.text
    assert ran.total["reached"] >= 1
    assert ran.total["faults"] == 0


def test_a_step_that_nobody_reaches_is_a_failure(steps: Path, place: str) -> None:
    ran = run([steps, place, "no.such.step"], 240)
    assert ran.code == 1
    assert ran.total["reached"] == 0
