"""The whole contract suite, where there is the wheel, the test requirements, and no source tree."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from run import ROOT, WORK, Environment, Failed, run, step

#: What the suite is: its tests, its harness, the fixtures of every family, and pytest's settings.
SUITE = ("pyproject.toml", "tests/conftest.py", "tests/contract", "tests/harness")
#: And a C program that is built with the wheel's library, as its page tells. The header is there to be compared.
FROM_C = ("tests/packaging/test_c_library.py", "docs/howto/from-c.md", "core/examples", "core/tocsin.h")


def install(wheel: Path) -> Environment:
    """An empty environment, and into it the wheel with what it depends on, and nothing of ours."""
    step("installing it into an empty environment")
    empty = Environment(WORK / "empty")
    empty.install("run-requirements")
    empty.pip("install", "--quiet", "--no-index", "--no-deps", wheel)
    empty.pip("check")
    smoke = Path(__file__).with_name("smoke.py")
    print("  ", run(empty.python, "-I", smoke, cwd=Path(tempfile.gettempdir()), more=empty.path()).strip())
    return empty


def contract(empty: Environment, what: list[str]) -> None:
    step("the contract suite and a C program there, without the source tree")
    empty.install("contract-requirements")
    with tempfile.TemporaryDirectory(prefix="tocsin-contract-") as folder:
        away = Path(folder)
        for name in SUITE + FROM_C:
            (away / name).parent.mkdir(parents=True, exist_ok=True)
            if (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, away / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(ROOT / name, away / name)
        where = run(empty.python, "-c", "import tocsin; print(tocsin.__file__)", cwd=away).strip()
        if not Path(where).is_relative_to(empty.home):
            raise Failed(f"tocsin is imported from {where}, not from the environment")
        command = [empty.python, "-m", "pytest", "-q", "-n", "auto", "--maxprocesses", "4", "--dist", "loadfile",
                   "--max-worker-restart", "0", *(what or ["tests/contract", FROM_C[0]])]  # fmt: skip
        run(*command, cwd=away, more=empty.path(), quiet=False)
