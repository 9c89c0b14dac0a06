"""SECURITY.md: every claim names its tests, and they are there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "SECURITY.md").read_text()
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in TEXT.splitlines()
    if line.startswith("| ") and not line.startswith("| threat |")
]


def functions_of(path: Path) -> set[str]:
    return {node.name for node in ast.parse(path.read_text()).body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0][:40])
def test_a_claim_names_tests_that_are_there(row: list[str]) -> None:
    assert len(row) == 3
    named = re.findall(r"`([^`]+)`", row[2])
    assert named
    for name in named:
        file, _, function = name.partition("::")
        assert function.startswith("test_"), f"{name}: a claim names a test, not a file of them"
        assert function in functions_of(ROOT / file), f"{name} is not there"


def test_there_is_a_model_of_the_threats() -> None:
    assert len(ROWS) > 12
    for heading in ("Who is who", "What is defended", "What is not"):
        assert f"\n## {heading}\n" in TEXT


#: What makes code of data, or objects of a stranger's choice.
MAKERS_OF_CODE = {"eval", "exec", "compile"}
LOADERS = {"pickle", "marshal", "shelve", "dill", "yaml", "cloudpickle"}


@pytest.mark.parametrize("path", sorted((ROOT / "src/tocsin").rglob("*.py")), ids=lambda path: path.stem)
def test_nothing_in_the_package_turns_data_into_code(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in MAKERS_OF_CODE, f"line {node.lineno}"
        if isinstance(node, ast.Import | ast.ImportFrom):
            modules = {alias.name for alias in node.names} | {getattr(node, "module", None) or ""}
            assert not {module.split(".")[0] for module in modules} & LOADERS, f"line {node.lineno}"
        if isinstance(node, ast.keyword) and node.arg == "shell":
            assert isinstance(node.value, ast.Constant), f"line {node.value.lineno}"
            assert node.value.value is False, f"line {node.value.lineno}: no shell between a value and a command"
