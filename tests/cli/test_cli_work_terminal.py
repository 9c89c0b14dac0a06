"""tocsin work at a terminal: its line of progress, Ctrl-C, Ctrl-Z."""

from __future__ import annotations

import os
import re
import shutil
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from harness.asleep import asleep
from harness.state import state
from harness.terminal import PROMPT, Terminal, session
from harness.until import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from harness.commands import Run

    from tocsin import Queue

pytestmark = pytest.mark.skipif(not shutil.which("bash"), reason="bash is not installed")
STAYS = "sh -c 'echo ready $PPID; exec sleep 3600'"


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    with Terminal(["bash", "--norc", "--noprofile", "--noediting", "-i"], term="xterm") as made:
        made.until(PROMPT)
        yield made


def children_of(pid: int) -> list[int]:
    return [int(number) for number in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def commands_of(worker: int) -> list[int]:
    """Its children but for the guard, which has a session of its own, once it has begun."""
    mine = os.getsid(worker)
    until(lambda: any(os.getsid(pid) != mine for pid in children_of(worker)), "the guard has begun")
    return [pid for pid in children_of(worker) if os.getsid(pid) == mine]


def test_a_line_of_progress(terminal: Terminal, jobs: Queue[Any]) -> None:
    jobs.put_many(list(range(4)))
    terminal.type("tocsin work jobs -- sh -c 'read n; test $n != 2 && { test $n != 3 || evt_wait go; }'\n")
    terminal.until("item 3, attempt 1 of 5: sh ended with 1: the item was given back\n")
    shown = terminal.until(r"2 done  1 failed  1 in hand  1 left  \d+/s[^\n]*\r")
    # One line as wide as the terminal at most, whatever is in it.
    line = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.rpartition("\x1b[2K")[2].rstrip("\r"))
    assert line.startswith("jobs ━")
    assert len(line) <= 77
    assert "\x1b[?25l" not in shown, "the cursor stays visible, as a kill would leave it hidden"
    os.kill(worker_of(terminal), signal.SIGTERM)
    terminal.until("finishing")
    os.spawnvp(os.P_WAIT, "evt_set", ["evt_set", "go"])
    terminal.until(r"\x1b\[2Kjobs: 3 done, 1 failed in [0-9.]+ s\n")
    terminal.until(PROMPT)


def worker_of(terminal: Terminal) -> int:
    def found() -> list[int]:
        return [pid for pid in session(terminal.shell.pid) if "work" in words(pid)[1:3]]

    until(lambda: len(found()) == 1, "its guard, which looks like it, has a session of its own")
    return found()[0]


def words(pid: int) -> list[str]:
    try:
        line = Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
    except (FileNotFoundError, ProcessLookupError):
        return []
    return [os.path.basename(word) for word in line if not word.startswith("-") and "python" not in word]


def test_no_line_where_nobody_would_read_it(terminal: Terminal, jobs: Queue[Any], run: Run, tmp_path: Path) -> None:
    jobs.put_many([1, 2, 3])
    assert terminal.line("tocsin work jobs --until-empty --no-bar -- cat") == "1\n2\n3\n"
    jobs.put_many([1, 2, 3])
    assert terminal.line(f"tocsin work jobs --until-empty -- cat 2>{tmp_path}/errors") == "1\n2\n3\n"
    assert (tmp_path / "errors").read_text() == ""
    jobs.put_many([1, 2, 3])
    assert terminal.line("TERM=dumb tocsin work jobs --until-empty -- cat") == "1\n2\n3\n"
    jobs.put_many([1, 2, 3])
    piped = run("tocsin", "work", "jobs", "--until-empty", "--", "cat")
    assert (piped.stdout, piped.stderr) == ("1\n2\n3\n", "")


def test_it_does_not_draw_from_the_background(terminal: Terminal, jobs: Queue[Any]) -> None:
    jobs.put_many([1, 2, 3])
    terminal.line("set +m; set -m; tocsin work jobs --until-empty -- cat & wait; echo")
    assert "done" not in terminal.line("echo end").replace("Done", "")
    assert jobs.stats().unfinished == 0


def test_ctrl_c_ends_the_commands_and_the_worker(terminal: Terminal, jobs: Queue[Any]) -> None:
    jobs.put_many([1, 2])
    worker = terminal.job(f"while :; do tocsin work jobs -j2 -- {STAYS}; done; echo after")
    terminal.until("ready")
    commands = commands_of(worker)
    terminal.type("\x03")
    assert "after" not in terminal.until(PROMPT), "the shell's loop has stopped as well"
    assert [Path(f"/proc/{pid}").exists() for pid in (worker, *commands)] == [False] * 3
    for _ in range(2):
        with jobs.receive(timeout=60) as delivery:
            assert delivery.attempt == 2


def test_ctrl_z_stops_all_and_fg_continues_all(terminal: Terminal, jobs: Queue[Any]) -> None:
    jobs.put(1)
    worker = terminal.job("tocsin work jobs --until-empty -- sh -c 'echo ready $PPID; evt_wait go; echo made'")
    (command,) = commands_of(worker)
    # A shell that starts a program by vfork, and is stopped before that has begun, is stopped, but not by its state.
    until(lambda: any(asleep(pid) for pid in children_of(command)), "what the command has started sleeps")
    for _ in range(3):
        everybody = [worker, command]
        terminal.type("\x1a")
        assert "Stopped" in terminal.until(PROMPT)
        until(lambda everybody=everybody: [state(pid) for pid in everybody] == ["T"] * 2, "both are stopped")
        terminal.type("fg\n")
        terminal.until("tocsin work .*\n")
        until(lambda everybody=everybody: "T" not in [state(pid) for pid in everybody], "both go on")
    os.spawnvp(os.P_WAIT, "evt_set", ["evt_set", "go"])
    terminal.until("made\n")
    terminal.until("1 done, 0 failed")
    terminal.until(PROMPT)
    assert terminal.line("echo code $?").strip() == "code 0"


def test_the_time_in_which_it_was_stopped_does_not_count(terminal: Terminal, jobs: Queue[Any]) -> None:
    jobs.put(1)
    worker = terminal.job("tocsin work jobs --until-empty --timeout 30 -- sh -c 'echo ready $PPID; evt_wait go'")
    terminal.type("\x1a")
    assert "Stopped" in terminal.until(PROMPT)
    terminal.type("fg\n")
    terminal.until("tocsin work .*\n")
    until(lambda: state(worker) != "T", "it goes on")
    os.spawnvp(os.P_WAIT, "evt_set", ["evt_set", "go"])
    terminal.until("1 done, 0 failed")


def test_hang_up(jobs: Queue[Any]) -> None:
    jobs.put(1)
    with Terminal(["tocsin", "work", "jobs", "--", "sh", "-c", "echo ready $$; exec sleep 3600"]) as line:
        line.until(r"ready \d+\n")
        command = commands_of(line.shell.pid)[0]
        line.hang_up()
        assert line.shell.wait(60) == -signal.SIGHUP
        assert not Path(f"/proc/{command}").exists()
    with jobs.receive(timeout=60) as delivery:
        assert delivery.attempt == 2
