"""`tocsin run` under a shell with job control, at a terminal: as if it were not there."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import struct
import sys
import termios
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from harness.state import state
from harness.terminal import PROMPT, Terminal, session
from harness.until import PATIENCE_S, until

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(not shutil.which("bash"), reason="bash is not installed")

#: Says what reached it; ends by RTMAX.
EARS = """
import os, signal
ears = {signal.SIGINT, signal.SIGQUIT, signal.SIGWINCH, signal.SIGHUP, signal.SIGRTMAX}
signal.pthread_sigmask(signal.SIG_BLOCK, ears)
print("ready", os.getppid(), flush=True)
while (got := signal.sigwaitinfo(ears)).si_signo != signal.SIGRTMAX:
    print("heard", signal.Signals(got.si_signo).name, flush=True)
"""


def name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def children(pid: int) -> list[int]:
    return [int(number) for number in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    with Terminal(["bash", "--norc", "--noprofile", "--noediting", "-i"]) as made:
        made.until(PROMPT)
        yield made


def python(script: str, tmp_path: Path) -> str:
    file = tmp_path / "script.py"
    file.write_text(script)
    return f"{sys.executable} -S {file}"


def test_ctrl_c_ends_command_and_run(terminal: Terminal) -> None:
    for sets in ("", "--sets x "):
        terminal.job(f"tocsin run {sets}-- sh -c 'echo ready $PPID; exec sleep 1000'")
        terminal.type("\x03")
        terminal.until(PROMPT)
        assert terminal.line("echo code $?").strip() == "code 130"
    assert terminal.line("evt_wait x 0 2>&-; echo code $?").strip() == "code 4"


def test_ctrl_c_stops_a_loop(terminal: Terminal) -> None:
    """A shell goes on after a child that exits by itself, also with 130; it stops when the signal ended the child."""
    terminal.job("while :; do tocsin run -- sh -c 'echo ready $PPID; exec sleep 1000'; done; echo after")
    terminal.type("\x03")
    assert "after" not in terminal.until(PROMPT)


def test_the_terminals_signals_come_once(terminal: Terminal, tmp_path: Path) -> None:
    run = terminal.job(f"tocsin run --sets x -- {python(EARS, tmp_path)}")
    terminal.type("\x03")
    terminal.until("heard SIGINT\n")
    terminal.type("\x1c")
    terminal.until("heard SIGQUIT\n")
    fcntl.ioctl(terminal.keys, termios.TIOCSWINSZ, struct.pack("HHHH", 44, 99, 0, 0))
    terminal.until("heard SIGWINCH\n")
    os.kill(run, signal.SIGRTMAX)  # sent on after everything that came before it
    assert "heard" not in terminal.until(PROMPT)
    assert terminal.line("evt_wait x 0; echo code $?").strip() == "code 0"


def test_stopped_by_ctrl_z_and_continued(terminal: Terminal) -> None:
    run = terminal.job("tocsin run --sets x -- sh -c 'echo ready $PPID; read line; echo got $line; exit 6'")
    for _ in range(3):
        terminal.type("\x1a")
        assert "Stopped" in terminal.until(PROMPT)
        assert "Stopped" in terminal.line("jobs")
        terminal.type("fg\n")
        terminal.until("tocsin run .*\n")
        # bash says so before it continues them, and a Ctrl-Z in between is lost on any command.
        until(lambda: "T" not in [state(run), *map(state, children(run))], "both go on")
    terminal.type("words\n")
    assert "got words" in terminal.until(PROMPT)
    assert terminal.line("echo code $?").strip() == "code 6"


def test_in_the_background_it_goes_on_and_stops_to_read(terminal: Terminal) -> None:
    """Who reads the terminal from the background is stopped with its group (SIGTTIN), until the shell's `fg`."""
    terminal.line("tocsin run -- sh -c 'echo ready $PPID; read line; echo got $line' &")
    until(lambda: "T" in [state(pid) for pid in session(terminal.shell.pid) if name(pid) == "tocsin"], "it is stopped")
    until(lambda: "Stopped" in terminal.line("jobs"), "the shell has heard of it")
    terminal.type("fg\n")
    terminal.until("tocsin run .*\n")
    terminal.type("words\n")
    assert "got words" in terminal.until(PROMPT)


def test_it_does_not_stop_before_the_command_has(terminal: Terminal, tmp_path: Path) -> None:
    """An editor puts the terminal in order before it stops; only then may the shell go on."""
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    script = f"""
import os, signal
stop = {{signal.SIGTSTP}}
signal.pthread_sigmask(signal.SIG_BLOCK, stop)  # a handler of Python's would not end a pause() that begins after it
print("ready", os.getppid(), flush=True)
signal.sigwait(stop)
print("tidying", flush=True)
open({str(gate)!r}).read()
print("tidy", flush=True)
os.kill(os.getpid(), signal.SIGTSTP)
signal.pthread_sigmask(signal.SIG_UNBLOCK, stop)
"""
    run = terminal.job(f"tocsin run -- {python(script, tmp_path)}")
    terminal.type("\x1a")
    terminal.until("tidying\n")
    assert state(run) != "T"
    with open(gate, "w", encoding="ascii"):
        pass
    seen = terminal.until(PROMPT)
    assert seen.index("tidy") < seen.index("Stopped")
    terminal.line("kill -9 %1; wait 2>&-")


def test_a_command_that_ignores_ctrl_z_is_not_stopped(terminal: Terminal) -> None:
    run = terminal.job("tocsin run -- sh -c 'trap \"\" TSTP; echo ready $PPID; read line; echo got $line'")
    terminal.type("\x1a")
    terminal.type("words\n")
    assert "got words" in terminal.until(PROMPT)
    assert not Path(f"/proc/{run}").exists()


def test_the_terminal_is_the_commands(terminal: Terminal) -> None:
    look = "sh -c 'stty size; tty; test -t 0 && echo yes; cut -d \" \" -f 6-8 /proc/self/stat | wc -l'"
    plain = terminal.line(look)
    assert plain.startswith("33 77\n")
    assert terminal.line(f"tocsin run --sets x -- {look}") == plain


def test_while_it_waits_ctrl_z_and_ctrl_c_are_its_own(terminal: Terminal) -> None:
    terminal.type("tocsin run --after x --sets y -- echo ran\n")
    until(lambda: any(name(pid) == "tocsin" for pid in session(terminal.shell.pid)), "it is there")
    terminal.type("\x1a")
    assert "Stopped" in terminal.until(PROMPT)
    assert terminal.line("evt_set x") == ""
    terminal.type("fg\n")
    assert "ran\n" in terminal.until(PROMPT)


def test_a_hang_up_reaches_the_command_of_a_sessions_leader(tmp_path: Path) -> None:
    """`ssh -t host tocsin run …`: the kernel tells the leader of the session, and nobody else."""
    log = tmp_path / "log"
    script = f"trap 'echo HUP >>{log}; exit' HUP; echo ready $PPID; while :; do sleep 0.01; done"
    with Terminal(["tocsin", "run", "--sets", "x", "--", "sh", "-c", script]) as line:
        line.until(r"ready \d+\n")
        line.hang_up()
        line.shell.wait(PATIENCE_S)
    assert log.read_text().startswith("HUP\n")
