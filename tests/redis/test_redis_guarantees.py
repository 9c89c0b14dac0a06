"""The table of guarantees names tests that there are, and leaves none of the faults' out."""

from __future__ import annotations

import re
from pathlib import Path

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs/design/servers-guarantees.md"
FAULTS = ("faults", "lock_faults", "stopped", "clock", "vanished")  # files of which the table leaves no test out


def test_each_guarantee_has_its_test() -> None:
    rows = [line for line in PAGE.read_text().splitlines() if line.startswith("| ") and "shown by" not in line]
    tests = {name for path in HERE.glob("test_*.py") for name in re.findall(r"(?m)^def (test_\w+)", path.read_text())}
    named = set()
    for row in rows:
        found = re.findall(r"`(test_\w+)`", row)
        assert found, f"no test: {row}"
        named |= set(found)
    assert named <= tests
    faults = "".join((HERE / f"test_redis_{name}.py").read_text() for name in FAULTS)
    assert set(re.findall(r"(?m)^def (test_\w+)", faults)) <= named
