"""House rules that a machine can check: exports, sizes, lint, types, the front door, no sleeping tests."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
from harness.order import LONG

import tocsin

ROOT = Path(__file__).parents[2]
SKIPPED = {".git", ".venv", "build", "__pycache__", ".mypy_cache", ".ruff_cache", ".hypothesis", "node_modules"}
CODE = {".py", ".pyx", ".pxi", ".pyi", ".c", ".h", ".pml", ".sh"}


def files(*suffixes: str) -> list[Path]:
    return sorted(
        p
        for p in ROOT.rglob("*")
        if p.suffix in suffixes
        and p.is_file()
        and not any(part in SKIPPED or part.startswith("build") for part in p.relative_to(ROOT).parts)
    )


def test_exports_are_what_the_package_says() -> None:
    assert sorted(tocsin.__all__) == tocsin.__all__
    for name in tocsin.__all__:
        assert getattr(tocsin, name).__name__ == name
    tree = ast.parse((ROOT / "src/tocsin/__init__.py").read_text())
    imported = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("tocsin")
        for alias in node.names
    }
    assert imported == set(tocsin.__all__), "what is imported there is exported, and nothing else"


def test_a_wrong_attribute_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = tocsin.no_such_name


@pytest.mark.parametrize("path", files(*CODE), ids=lambda p: str(p.relative_to(ROOT)))
def test_no_file_is_too_long(path: Path) -> None:
    limit = 800 if path.relative_to(ROOT).parts[0] == "tests" else 600
    assert len(path.read_text().splitlines()) <= limit


def test_ruff_is_clean() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--no-cache", "src", "tests", "benchmarks", "verify", "packaging"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_mypy_strict_is_clean(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--cache-dir", str(tmp_path)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_module_is_installed() -> None:
    """The build lists files one by one, and a forgotten one is missing only from wheels."""
    package = ROOT / "src/tocsin"
    text = (package / "meson.build").read_text()
    missing = [p.name for p in sorted(package.glob("*.py*")) if f"'{p.name}'" not in text]
    folders = [p.parent.name for p in sorted(package.glob("*/__init__.py")) if f"'{p.parent.name}'" not in text]
    assert missing + folders == []


def test_the_readmes_commands_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    for page in ("README.md", "CONTRIBUTING.md"):
        named = set(re.findall(r"(?:^|`)make ([a-z]+)\b", (ROOT / page).read_text(), re.MULTILINE))
        assert named <= targets, f"{page} names what the Makefile has not"
    assert re.search(r"^\.PHONY:.* demo .*test", makefile, re.MULTILINE)
    assert {"demo", "test"} <= set(re.findall(r"\bmake ([a-z]+)\b", (ROOT / "README.md").read_text()))


def test_ci_calls_the_front_door() -> None:
    script = (ROOT / ".ci/run").read_text()
    assert "make demo" in script
    assert "make test" in script


#: Tests in which time itself passes, each with its reason. Everything else waits for a condition.
SLEEPS = {
    "tests/crash/worker.py": "a busy worker that is killed at random times paces itself; nothing is judged by it",
    "tests/redis/test_redis_queue.py": "tasks that are cancelled at ever other moments; nothing is judged by when",
    "tests/harness/until.py": "the naps between two looks at a condition, and age(), where age is what is tested",
}


@pytest.mark.parametrize(
    "path", [p for p in files(".py") if p.is_relative_to(ROOT / "tests")], ids=lambda p: str(p.relative_to(ROOT))
)
def test_no_test_sleeps_to_synchronise(path: Path) -> None:
    name = str(path.relative_to(ROOT))
    if name in SLEEPS or name == "tests/house/test_house.py":
        return
    # sleep(0) is no sleep: it hands over to the other tasks of a loop.
    found = re.findall(r"\bsleep\((?!0\))[^)]*\)", path.read_text())
    assert found == [], f"{name}: wait for a condition (harness.until), or add it to SLEEPS with its reason"


def test_the_long_files_are_there() -> None:
    assert [name for name in LONG if not (ROOT / "tests" / name).is_file()] == []


def test_every_python_file_begins_alike() -> None:
    for path in files(".py"):
        text = path.read_text()
        if text.strip() and path.name != "__init__.py":
            assert "from __future__ import annotations" in text, path
