"""core/README.md's rules: who may include whom, and who may talk to the kernel."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

import pytest
from harness.cbuild import CC, CORE, library

if TYPE_CHECKING:
    from pathlib import Path

FLOORS = {"sys": 0, "parts": 1, "objects": 3, "programs": 5}
# The parts and objects that stand on others of their folder.
ABOVE = {"parts/bell": 2, "parts/change": 2}
_OF = {
    "parts": {"short": 3, "log": 3, "owner": 3},
    "objects": {"check": 5, "data": 4, "event": 4, "lock": 4, "look": 4, "queue": 4, "signal": 4},
}
ABOVE |= {
    f"{folder}/{path.stem}": floors[path.stem.split("_")[0]]
    for folder, floors in _OF.items()
    for path in (CORE / folder).glob("*.[ch]")
    if path.stem.split("_")[0] in floors
}
PUBLIC = "tocsin.h"
LIBC = {"errno.h", "stdbool.h", "stddef.h", "stdint.h", "stdio.h", "stdlib.h", "string.h", "strings.h"}
SOURCES = sorted(p for p in CORE.rglob("*.[ch]") if p.parent.name in FLOORS)
ABOVE_SYS = [p for p in SOURCES if p.parent.name != "sys"]
LIBRARY_ABOVE_SYS = [p for p in ABOVE_SYS if p.parent.name != "programs"]


def _name(path: Path) -> str:
    return str(path.relative_to(CORE))


def _floor(path: Path) -> int:
    return ABOVE.get(str(path.relative_to(CORE).with_suffix("")), FLOORS[path.parent.name])


def _code(path: Path) -> str:
    return re.sub(r"/\*.*?\*/|//[^\n]*", "", path.read_text(), flags=re.DOTALL)


def _includes(path: Path, brackets: str) -> list[str]:
    return re.findall(rf"#include {brackets[0]}([^>\"]+){brackets[1]}", _code(path))


@pytest.mark.parametrize("path", SOURCES, ids=_name)
def test_nobody_uses_a_floor_above(path: Path) -> None:
    for included in _includes(path, '""'):
        target = (path.parent / included).resolve()
        assert target.is_file(), included
        if target.name != PUBLIC:  # it declares; everyone may know it
            assert _floor(target) <= _floor(path), f"{_name(path)} is below {_name(target)}"


@pytest.mark.parametrize("path", LIBRARY_ABOVE_SYS, ids=_name)
def test_only_floor_0_talks_to_the_kernel(path: Path) -> None:
    assert set(_includes(path, "<>")) <= LIBC
    code = _code(path)
    for forbidden in (
        r"__atomic_",
        r"__sync_",
        r"\b_Atomic\b",
        r"\bsyscall\s*\(",
        r"\basm\b",
        r"\bmmap\s*\(",
        r"\bgetenv\s*\(",
    ):
        assert not re.search(forbidden, code), f"{_name(path)}: {forbidden}"


@pytest.mark.parametrize("path", LIBRARY_ABOVE_SYS, ids=_name)
def test_a_library_is_silent(path: Path) -> None:
    """No streams, no end of the process, and the caller's errno stays the caller's."""
    for forbidden in (
        r"\bprintf\s*\(",
        r"\bfprintf\s*\(",
        r"\bstderr\b",
        r"\babort\s*\(",
        r"\bexit\s*\(",
        r"\berrno\s*=[^=]",
    ):
        assert not re.search(forbidden, _code(path)), f"{_name(path)}: {forbidden}"


def test_only_one_file_names_the_atomics() -> None:
    naming = {_name(p) for p in SOURCES if "__atomic_" in _code(p)}
    assert "sys/atom.h" in naming
    assert all(name.startswith("sys/") for name in naming)


def test_no_allocation_below_floor_3() -> None:
    for path in SOURCES:
        if _floor(path) < 3:
            assert not re.search(r"\b(malloc|calloc|realloc|strdup|free)\s*\(", _code(path)), _name(path)


def test_no_python_in_the_core() -> None:
    for path in SOURCES:
        assert "Python.h" not in path.read_text(), _name(path)


def test_meson_and_the_tests_build_the_same_library() -> None:
    listed = re.search(r"core_sources = files\((.*?)\)", (CORE / "meson.build").read_text(), re.DOTALL)
    assert listed
    assert sorted(re.findall(r"'([^']+)'", listed[1])) == [_name(p) for p in sorted(library())]


@pytest.mark.parametrize("path", sorted(CORE.rglob("*.h")), ids=_name)
def test_each_header_stands_alone(path: Path) -> None:
    """Compiled by itself, with no include path at all, Python's or another."""
    done = subprocess.run(
        [*CC, "-std=gnu11", "-fsyntax-only", "-Wall", "-Wextra", "-Werror", "-Wno-unused-function", "-x", "c", "-"],
        input=f'#include "{path}"\n', capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_the_public_header_is_cpp_too() -> None:
    done = subprocess.run(
        [*CC, "-std=c++17", "-fsyntax-only", "-Wall", "-Werror", "-x", "c++", "-"],
        input=f'#include "{CORE / PUBLIC}"\nint main() {{ return toc_now() < 0; }}\n',
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if "cannot execute" in done.stderr or "cc1plus" in done.stderr:
        pytest.skip("this C compiler came without C++")
    assert done.returncode == 0, done.stderr


def test_the_map_shows_every_file() -> None:
    text = (CORE / "README.md").read_text()
    for path in sorted(CORE.rglob("*.c")):
        folder = path.parent.name
        assert _name(path) in text or (folder == "sys" and "sys/sys_*.c" in text) or folder == "programs", _name(path)
