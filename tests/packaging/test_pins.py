"""What a release is built with is pinned by hash, and is what pyproject.toml declares."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

import tocsin

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
RUNNING = PROJECT["project"]["dependencies"]
LISTS = {
    "build": PROJECT["build-system"]["requires"],
    "run": RUNNING,
    "contract": [*RUNNING, *PROJECT["dependency-groups"]["contract"]],
    "tools": PROJECT["dependency-groups"]["packaging"],
}


def plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(name: str) -> dict[str, tuple[Version, list[str]]]:
    """Project -> its version and the hashes of its files."""
    text = (ROOT / f"packaging/{name}-requirements.txt").read_text()
    found = {}
    for entry in re.split(r"\n(?=\S)", text):
        if not entry.startswith("#"):
            project, version = re.match(r"([\w.\-]+)==([^\s;]+)", entry).groups()
            found[plain(project)] = (Version(version), re.findall(r"--hash=sha256:([0-9a-f]{64})\b", entry))
    return found


@pytest.mark.parametrize("name", LISTS)
def test_every_pin_has_a_version_and_hashes(name: str) -> None:
    assert all(hashes for _, hashes in pins(name).values())
    text = (ROOT / f"packaging/{name}-requirements.txt").read_text()
    assert len(re.findall(r"^\w", text, re.MULTILINE)) == len(pins(name)), "each line of it was understood"


@pytest.mark.parametrize("name", LISTS)
def test_the_pins_are_of_what_is_declared(name: str) -> None:
    """A range that was changed needs `make pins`."""
    found = pins(name)
    for declared in map(Requirement, LISTS[name]):
        assert plain(declared.name) in found, f"{declared} is not pinned: make pins"
        assert found[plain(declared.name)][0] in declared.specifier, f"{declared} is not what is pinned: make pins"


def test_the_suite_runs_with_what_the_wheel_is_tried_with() -> None:
    contract = pins("contract")
    assert {name: contract[name] for name in pins("run")} == pins("run")


def imported(path: Path) -> set[str]:
    return {
        name
        for node in ast.walk(ast.parse(path.read_text()))
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""] if isinstance(node, ast.ImportFrom) and node.level == 0 else []
        )
    }


def test_the_contract_suite_imports_what_its_requirements_bring() -> None:
    """From the tests and fixtures on, through all of the harness that they use."""
    waiting = [ROOT / "tests/conftest.py", *(ROOT / "tests/contract").glob("*.py")]
    seen, foreign = set(), set()
    while waiting:
        for module in imported(waiting.pop()):
            if module.startswith("harness."):
                path = ROOT / "tests" / (module.replace(".", "/") + ".py")
                if path not in seen:
                    seen.add(path)
                    waiting.append(path)
            else:
                foreign.add(module.split(".")[0])
    foreign -= {"harness", "tocsin", "conftest", *sys.stdlib_module_names}
    brought = {project.replace("-", "_") for project in pins("contract")}
    # Its tests of modules that a program may have beside it skip without them.
    assert {plain(name).replace("-", "_") for name in foreign} <= brought


def test_one_version_everywhere() -> None:
    (built,) = re.findall(r"^project\('tocsin'.*?version: '([^']+)'", (ROOT / "meson.build").read_text())
    assert built == tocsin.__version__


def test_every_living_python_gets_wheels() -> None:
    """From the oldest that is promised on, without a gap, and each free-threaded one that cibuildwheel knows."""
    chosen = PROJECT["tool"]["cibuildwheel"]["build"]
    (oldest,) = re.findall(r">=3\.(\d+)", PROJECT["project"]["requires-python"])
    minors = [int(minor) for pattern in chosen for minor in re.findall(r"^cp3(\d+)-\*$", pattern)]
    assert minors == list(range(int(oldest), max(minors) + 1))
    assert sys.version_info.minor in minors
    free = {int(minor) for pattern in chosen for minor in re.findall(r"^cp3(\d+)t-\*$", pattern)}
    assert free == {minor for minor in minors if minor >= 14}
