"""`make wheel`: an sdist and one wheel of this Python, repaired, checked, installed and tried where nothing else is.

`make wheel WHEEL=tests/contract/test_event_latch.py` runs that part of the contract suite only.
"""

from __future__ import annotations

import shutil
import sys

from check import check
from contract import contract, install
from repair import repair
from run import DIST, ROOT, WORK, Environment, Failed, step
from sdist import requirements, sdist, wheel_of


def main(what: list[str]) -> int:
    if not (ROOT / ".git").exists():
        raise Failed("an sdist is made of what git knows, and this is no clone")
    shutil.rmtree(WORK, ignore_errors=True)
    WORK.mkdir(parents=True)
    DIST.mkdir(exist_ok=True)
    for old in (*DIST.glob("tocsin-*.tar.gz"), *DIST.glob("tocsin-*.whl")):
        old.unlink()
    step("installing the tools, pinned by hash (packaging/tools-requirements.txt)")
    tools = Environment(WORK / "tools")
    tools.install("tools-requirements")
    folder = requirements(tools)
    made = sdist(tools, folder)
    wheel = repair(wheel_of(made, tools, folder), tools)
    check(wheel, made, tools)
    contract(install(wheel), what)
    step(f"done: {made.relative_to(ROOT)} and {wheel.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
