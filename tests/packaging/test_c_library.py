"""The C library inside the wheel: what docs/howto/from-c.md tells to type builds a C program that talks to Python.

There is nothing of the source tree but the program itself.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import tocsin
from tocsin import config

ROOT = Path(__file__).parents[2]
BLOCKS = re.findall(r"```sh\n(.*?)```", (ROOT / "docs/howto/from-c.md").read_text(), re.DOTALL)
BUILT = sorted((ROOT / "build/wheel").glob("*.whl"))


def environment(at: str | None = None) -> dict[str, str]:
    left_out = ("TOCSIN_AT", "PKG_CONFIG_PATH", "CFLAGS", "PYTHONUNBUFFERED")
    kept = {name: value for name, value in os.environ.items() if name not in left_out}
    kept["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{kept['PATH']}"
    return {**kept, "TOCSIN_AT": at} if at else kept


def shell(script: str, cwd: Path, at: str | None = None) -> str:
    done = subprocess.run(
        ["sh", "-eu", "-c", script], cwd=cwd, env=environment(at), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{script}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def block(part: str) -> str:
    (found,) = [text for text in BLOCKS if part in text]
    return found


def ask(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tocsin.config", *arguments], capture_output=True, text=True, check=False
    )


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A folder with the program and nothing else."""
    tree = tmp_path / "clone"
    (tree / "core/examples").mkdir(parents=True)
    shutil.copy(ROOT / "core/examples/wait_for_python.c", tree / "core/examples")
    return tree


@pytest.mark.parametrize("way", ["tocsin.config --pkgconfigdir", "tocsin.config --cflags"])
def test_a_c_program_with_the_wheels_library_and_python(way: str, outside: Path, place: str) -> None:
    if "pkgconfigdir" in way and not shutil.which("pkg-config"):
        pytest.skip("pkg-config is not installed")
    shell(block(way), outside)
    said = shell(block("./wait_for_python"), outside, at=place)
    assert sorted(said.splitlines()) == ["answered: True", "set by Python, time number 1"]
    # The commands of the same wheel are peers, too.
    shell("evt_clear from-c", outside, at=place)
    said = shell("evt_set from-python\n./wait_for_python 30\nevt_wait from-c 0", outside, at=place)
    assert said == "set by Python, time number 2\n"


def test_pkg_config_knows_the_version_and_follows_a_move(tmp_path: Path) -> None:
    if not shutil.which("pkg-config"):
        pytest.skip("pkg-config is not installed")
    home = tmp_path / "moved"
    shutil.copytree(Path(config.pkgconfigdir()).parents[1], home)
    found = environment() | {"PKG_CONFIG_PATH": str(home / "lib/pkgconfig")}
    asked = ["pkg-config", "--modversion", "tocsin"]
    assert subprocess.run(asked, env=found, capture_output=True, text=True, check=True).stdout.strip() == (
        tocsin.__version__
    )
    asked = ["pkg-config", "--variable=includedir", "tocsin"]
    said = subprocess.run(asked, env=found, capture_output=True, text=True, check=True).stdout.strip()
    assert Path(said).resolve() == home / "include"


def test_the_module_says_what_the_functions_say() -> None:
    assert ask("--includedir", "--libdir").stdout.split() == [config.includedir(), config.libdir()]
    assert ask("--pkgconfigdir").stdout == f"{config.pkgconfigdir()}\n"
    assert ask("--cflags", "--libs").stdout.split() == [*config.cflags(), *config.libs()]
    assert (Path(config.includedir()) / "tocsin.h").read_bytes() == (ROOT / "core/tocsin.h").read_bytes()


def test_a_wrong_question_is_told_what_there_is() -> None:
    done = ask("--lib")
    assert done.returncode == 2
    assert "there is no --lib" in done.stderr
    assert "--pkgconfigdir" in done.stderr
    assert ask().returncode == 2
    assert ask("--help").stdout.startswith("usage: python -m tocsin.config")


def test_an_installation_without_the_library_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(config, "_HOME", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="not part of this installation"):
        config.pkgconfigdir()
    assert config.main(["--libs"]) == 3


@pytest.mark.skipif(len(BUILT) != 1, reason="make has built no wheel here (build/wheel)")
def test_the_wheel_has_the_library_and_nothing_of_the_sources() -> None:
    with zipfile.ZipFile(BUILT[0]) as wheel:
        names = wheel.namelist()
        text = wheel.read("tocsin/_c/lib/pkgconfig/tocsin.pc").decode()
    kept = {name for name in names if name.startswith("tocsin/_c/")}
    assert kept == {f"tocsin/_c/{name}" for name in ("include/tocsin.h", "lib/libtocsin.a", "lib/pkgconfig/tocsin.pc")}
    assert not [name for name in names if name.endswith((".c", ".pyx", ".build", ".in"))]
    assert str(ROOT) not in text, "relocatable: no path of the build is in it"
