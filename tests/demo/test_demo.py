"""The demo through real processes: right results, a real kill, and nothing left behind whatever happens."""

from __future__ import annotations

import json
import os
import pty
import shutil
import signal
import subprocess
from typing import TYPE_CHECKING

import pytest
from demo_runs import DEMO, demo, environment, left_behind
from demo_tree import FILES, MODULES

if TYPE_CHECKING:
    from pathlib import Path


def fake_tar(tmp_path: Path, script: str) -> str:
    """A PATH on which `tar` runs this script first; `$tar` is the real one."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "tar").write_text(f"#!/bin/sh\ntar={shutil.which('tar')}\n{script}\n")
    (folder / "tar").chmod(0o755)
    return f"{folder}:{os.environ['PATH']}"


def test_both_pipelines_equal_the_plain_computation_although_a_process_is_killed(tmp_path: Path, tree: Path) -> None:
    ended = demo(tmp_path, str(tree), "--json")
    assert (ended.returncode, ended.stderr) == (0, "")
    said = json.loads(ended.stdout)
    assert said["totals"]["files"] == FILES
    assert said["totals"]["unparsable"] == 2
    assert said["totals"]["functions"] == MODULES * 4
    assert said["totals"]["classes"] == MODULES
    assert said["totals"]["imports"] == MODULES * 3
    for how in ("events", "polling"):
        assert said[how]["equal"] is True
        assert said[how]["digest"] == said["plain"]["digest"]
        assert said[how]["workers"] >= 2
        assert said[how]["all_wakes"]["wakes"] > 0
        assert said[how]["all_wakes"]["median"] > 0
    killed = said["polling"]["kill"]
    assert killed["signal"] == "SIGKILL"
    assert FILES // 4 // 2 - 1 <= killed["after"] < FILES // 4
    assert said["queue"]["items"] == FILES // 4
    assert left_behind(tmp_path) == []


def test_bars_on_a_terminal(tmp_path: Path, tree: Path) -> None:
    reader, terminal = pty.openpty()
    with subprocess.Popen([*DEMO, str(tree)], env=environment(tmp_path, TERM="xterm"), stdout=terminal) as process:
        os.close(terminal)
        shown = b""
        try:
            while data := os.read(reader, 1 << 16):
                shown += data
        except OSError:  # EIO is how a terminal ends
            pass
        os.close(reader)
    assert process.returncode == 0
    assert b"\x1b[" in shown
    assert shown.count(b"equal to plain") == 2


def test_a_single_file(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "a.py").write_text("import this\n")
    ended = demo(tmp_path, str(tmp_path / "one"), "--json")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert json.loads(ended.stdout)["totals"]["imports"] == 1


def test_a_difference_is_found(tmp_path: Path, tree: Path) -> None:
    path = fake_tar(tmp_path, f'echo "import os" >> {tree}/binary.py; exec $tar "$@"')
    ended = demo(tmp_path, str(tree), PATH=path)
    assert ended.returncode == 1
    assert ended.stdout.count("NOT EQUAL to plain") == 2
    assert left_behind(tmp_path) == []


@pytest.mark.parametrize(
    ("death", "message"),
    [
        ("echo disk on fire >&2; exit 1", "demo: the stage archive ended with exit status 1: disk on fire\n"),
        ("kill -9 $PPID; exec sleep 1000", "demo: the stage archive was killed by SIGKILL\n"),
    ],
)
def test_the_death_of_a_stage_ends_all_others(tmp_path: Path, tree: Path, death: str, message: str) -> None:
    ended = demo(tmp_path, str(tree), PATH=fake_tar(tmp_path, death))
    assert (ended.returncode, ended.stderr) == (1, message)
    assert left_behind(tmp_path) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_in_the_middle_leaves_nothing(tmp_path: Path, tree: Path, number: signal.Signals) -> None:
    """In the middle for sure: the fifth tar sends it to the demo, and would otherwise sleep on."""
    script = f"""
    case "$*" in *list/5*)
        read -r _ _ _ demo _ < /proc/$PPID/stat
        kill -{number.value} "$demo"
        exec sleep 1000;;
    esac
    exec $tar "$@"
    """
    ended = demo(tmp_path, str(tree), PATH=fake_tar(tmp_path, script))
    assert ended.returncode == 128 + number
    assert ended.stderr == f"demo: stopped by {number.name}; nothing is left behind\n"
    assert left_behind(tmp_path) == []


def test_nothing_to_do_is_wrong_usage(tmp_path: Path) -> None:
    ended = demo(tmp_path, str(tmp_path / "none"))
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == f"demo: no Python source files below {tmp_path / 'none'}\n"
