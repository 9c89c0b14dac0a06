"""The core without Python: built by meson into a prefix, used by a C program that talks to a real Python.

What docs/howto/from-c.md tells a user to type is what is typed here.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from corebuild import ROOT
from harness.cbuild import CORE

HOWTO = (ROOT / "docs" / "howto" / "from-c.md").read_text()
BLOCKS = re.findall(r"```sh\n(.*?)```", HOWTO, re.DOTALL)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a clone has of the core, and an empty home."""
    tree = tmp_path_factory.mktemp("clone")
    shutil.copytree(CORE, tree / "core")
    (tree / "docs").mkdir()
    for name in ("meson.build", "meson.options", "docs/tocsin.1"):
        shutil.copy(ROOT / name, tree / name)
    (tree / "home").mkdir()
    return tree


def _shell(tree: Path, script: str, at: str | None = None) -> str:
    # PYTHONUNBUFFERED: a print in pieces and the C program's line would mix in the pipe that they share.
    left_out = ("TOCSIN_AT", "PKG_CONFIG_PATH", "DESTDIR", "CFLAGS", "PYTHONUNBUFFERED")
    environment = {k: v for k, v in os.environ.items() if k not in left_out}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    environment["HOME"] = str(tree / "home")
    if at:
        environment["TOCSIN_AT"] = at
    done = subprocess.run(
        ["sh", "-eu", "-c", script], cwd=tree, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{script}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def _block(part: str) -> str:
    (found,) = [b for b in BLOCKS if part in b]
    return found


@pytest.fixture(scope="module")
def installed(tree: Path) -> Path:
    _shell(tree, _block("meson setup"))
    return tree / "home" / ".local"


def test_the_page_has_these_blocks() -> None:
    assert len(BLOCKS) == 7  # two of them with the wheel's library: tests/packaging/test_c_library.py


def test_what_is_installed(installed: Path) -> None:
    files = {str(p.relative_to(installed)) for p in installed.rglob("*") if p.is_file()}
    programs = {f"bin/{name}" for name in ("evt_set", "evt_clear", "evt_wait", "tocsin")}
    kept = {"include/tocsin.h", "lib/libtocsin.a", "lib/pkgconfig/tocsin.pc", "share/man/man1/tocsin.1"}
    assert files == kept | programs


def test_the_library_shows_its_header_only(installed: Path) -> None:
    """What a static library defines for others is what the header declares, or a floor's own toc_ and sys_ names."""
    done = subprocess.run(
        ["nm", "-g", "--defined-only", installed / "lib" / "libtocsin.a"], capture_output=True, text=True, check=True
    )
    names = set(re.findall(r" [A-Z] (\w+)$", done.stdout, re.MULTILINE))
    declared = set(
        re.findall(r"\b(toc_\w+)\(", re.sub(r"/\*.*?\*/", "", (CORE / "tocsin.h").read_text(), flags=re.DOTALL))
    )
    assert declared <= names
    assert all(name.startswith(("toc_", "sys_")) for name in names), names


@pytest.mark.parametrize("way", ["core/sys/*.c", ".local/lib/pkgconfig", "-ltocsin"])
def test_the_example_and_python(way: str, tree: Path, place: str, request: pytest.FixtureRequest) -> None:
    if way != "core/sys/*.c":
        request.getfixturevalue("installed")
    if way == ".local/lib/pkgconfig" and not shutil.which("pkg-config"):
        pytest.skip("pkg-config is not installed")
    _shell(tree, "rm -f wait_for_python")
    _shell(tree, _block(way))
    said = _shell(tree, _block("./wait_for_python"), at=place)
    assert sorted(said.splitlines()) == ["answered: True", "set by Python, time number 1"]
    # Python first, C after it: the latch was kept. Its third question is the third.
    python = "python3 -c 'from tocsin import Event; Event(\"from-python\").set()'"
    assert _shell(tree, f"{python}\n./wait_for_python 30", at=place) == "set by Python, time number 2\n"
    # The same in a shell, without Python.
    if way != "core/sys/*.c":
        script = "~/.local/bin/evt_set from-python\n./wait_for_python 30\n~/.local/bin/evt_wait from-c 0"
        assert _shell(tree, script, at=place) == "set by Python, time number 3\n"


def test_the_example_says_what_went_wrong(tree: Path, place: str) -> None:
    _shell(tree, _block("core/sys/*.c"))
    for at, seconds, code, words in (
        (place, "0.01", 1, "nobody set from-python"),
        (f"{place}/none", "1", 3, "there is none"),
        ("nonsense", "1", 3, "a bad name or place"),
    ):
        done = subprocess.run(
            [tree / "wait_for_python", seconds], env={"TOCSIN_AT": at}, capture_output=True, text=True, check=False
        )
        assert (done.returncode, words in done.stderr) == (code, True), done.stderr
