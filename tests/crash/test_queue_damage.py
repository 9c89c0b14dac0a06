"""A queue whose files somebody has damaged, bit by bit: errors, never a crash, never wrong bytes. See README.md."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from crashbuild import build, run
from harness.prove import FULL, cases

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.mark.prove
@pytest.mark.timeout(3600 if FULL else 1800)
def test_a_wrong_bit_anywhere_is_an_error_or_harmless(
    tmp_path: Path, place: str, seed: int, tally: Callable[[str], None]
) -> None:
    program = build(tmp_path, "queue_damage")
    ran = run([program, place, "--every", str(cases(12, 1)), "--seed", str(seed)], cases(1500, 3540))
    print(ran.text)
    assert ran.code == 0, ran.text
    assert ran.total["faults"] == 0
    assert ran.total["cases"] >= cases(1_000, 15_000)
    assert ran.total["opened"] >= ran.total["cases"] // 2, "most damage is found by looking, not at the door"
    tally(f"{ran.total['cases']:,} damages, {ran.total['opened']:,} seen behind the door; 0 crashes, seed {seed}")
