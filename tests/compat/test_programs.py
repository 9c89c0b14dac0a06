"""evt_set, evt_clear and evt_wait beside SystemEvent's own scripts. Their documented use: test_documents.py."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def shell(start: Any) -> Any:
    return lambda script: start("sh", "-c", script)


def end(child: Any) -> tuple[int, str, str]:
    out, err = child.communicate()
    return child.returncode, out, err


PROGRAMS = ("evt_set", "evt_clear", "evt_wait")


@pytest.fixture(autouse=True)
def _programs_are_ours() -> None:
    """SystemEvent installs scripts of these names; whichever came last is there, and the two never meet."""
    for program in PROGRAMS:
        found = Path(sys.executable).parent / program
        with found.open("rb") as file:
            native = file.read(4) == b"\x7fELF"
        assert native, f"{found} is SystemEvent's: pip install --force-reinstall --no-deps tocsin"


def test_path_finds_them_beside_the_interpreter(shell: Any) -> None:
    for program in PROGRAMS:
        beside = str(Path(sys.executable).parent / program)
        assert shutil.which(program) == beside
        assert end(shell(f"command -v {program}")) == (0, f"{beside}\n", "")


def test_a_shell_releases_python_and_python_a_shell(
    shell: Any, python: Any, name: str, both_system_events: tuple[Any, Any]
) -> None:
    snippet = f"from tocsin.compat.system_event import SystemEvent\nprint(SystemEvent('{name}').wait())"
    console = python(snippet)
    assert end(shell(f"evt_set --mode 666 {name}"))[0] == 0
    assert end(console)[:2] == (0, "True\n")
    _, ours = both_system_events
    ours(name).clear()
    waiter = shell(f"evt_wait --mode 666 {name} 60")
    ours(name).set()
    assert end(waiter)[0] == 0


@pytest.mark.parametrize("program", PROGRAMS)
def test_no_name_is_wrong_usage(shell: Any, program: str) -> None:
    code, out, err = end(shell(program))
    assert (code, out) == (2, "")
    assert program in err


def test_a_timeout_that_is_no_number_is_wrong_usage(shell: Any, name: str) -> None:
    code, _, err = end(shell(f"evt_wait {name} soon"))
    assert code == 2
    assert "soon" in err or "TIMEOUT" in err


def test_wrong_names_are_wrong_usage(shell: Any) -> None:
    """The seed's scripts take any name; these don't, and say so in one line."""
    code, out, err = end(shell("evt_set 'a b'"))
    assert (code, out) == (2, "")
    assert err.count("\n") == 1


def test_ctrl_c_ends_it_by_the_signal(start: Any, name: str) -> None:
    """So that a shell's loop stops too. The seed's script turned it into exit code 2, as if the usage were wrong."""
    # A test run in a shell's background inherits SIGINT ignored.
    child = start("evt_wait", name, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
    while Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()[0] != "S":
        os.sched_yield()
    child.send_signal(signal.SIGINT)
    assert child.wait() == -signal.SIGINT


def test_it_waits_for_what_it_makes(shell: Any, name: str) -> None:
    """As the seed's script: the one that waits first makes the event."""
    assert end(shell(f"evt_wait {name} 0"))[0] == 1
    assert (Path(os.environ["TOCSIN_AT"]) / name).is_file()
