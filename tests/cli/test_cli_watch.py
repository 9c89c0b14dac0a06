"""`tocsin wait --watch`: directories, by every way that a shell has to make and remove them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from harness.child import Child

TOCSIN = str(Path(sys.executable).parent / "tocsin")


def run(place: str, *words: str) -> tuple[int, str, str]:
    done = subprocess.run([TOCSIN, "wait", *words], cwd=place, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("path", ["build/stage/DONE.watch", "build/plain", "build/x/"])
def test_waits_for_a_directory_as_it_is_written(place: str, path: str) -> None:
    with Child.of([TOCSIN, "wait", "--watch", path], cwd=place) as command:
        command.until_asleep()
        subprocess.run(["mkdir", "-p", path], cwd=place, check=True)
        assert command.end() == 0
    with Child.of([TOCSIN, "wait", path, "--watch", "--clear"], cwd=place) as command:
        command.until_asleep()
        subprocess.run(["rm", "-r", "build"], cwd=place, check=True)
        assert command.end() == 0


def test_in_vain_and_at_once(place: str) -> None:
    assert run(place, "--watch", "a", "--timeout", "0.01") == (1, "", "")
    assert run(place, "--watch", "a", "--clear", "--timeout", "0") == (0, "", "")
    os.mkdir(f"{place}/a")
    assert run(place, "--watch", "a", "--timeout", "0") == (0, "", "")
    code, out, _ = run(place, "--watch", "a", "--json")
    assert (code, json.loads(out)) == (0, {"done": True, "there": ["a"]})


def test_what_is_wrong(place: str) -> None:
    Path(place, "file").write_text("")
    for words in (["."], ["a/.."], ["/"], ["a", "--at", "user"], ["a", "--since", "1"], ["a", "--no-create"]):
        code, out, error = run(place, "--watch", *words)
        assert (code, out, error.count("\n")) == (2, "", 1), error
    for path in ("file", "file/a"):
        code, _, error = run(place, "--watch", path)
        assert code == 3
        assert f"{place}/file is not a directory" in error
    assert os.listdir(place) == ["file"]


def test_several(place: str) -> None:
    os.mkdir(f"{place}/a")
    assert run(place, "--watch", "--any", "b", "a") == (0, "a\n", "")
    assert run(place, "--watch", "--any", "--clear", "b", "a") == (0, "b\n", "")
    assert run(place, "--watch", "a", "b", "--timeout", "0") == (1, "", "")
    with Child.of([TOCSIN, "wait", "--watch", "a", "b"], cwd=place) as command:
        command.until_asleep()
        os.mkdir(f"{place}/b")
        assert command.end() == 0
