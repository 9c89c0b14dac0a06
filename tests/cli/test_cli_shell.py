"""The main job, from shells."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from harness.asleep import until_asleep
from harness.child import Child
from harness.state import until_state
from harness.until import until

from tocsin import Event

if TYPE_CHECKING:
    from subprocess import CompletedProcess

Shell = Callable[[str], "CompletedProcess[str]"]


def test_three_shells(shell: Shell) -> None:
    waiter = ["sh", "-c", "evt_wait x; echo $?"]
    with Child.of(waiter) as first, Child.of(waiter) as second:
        until(lambda: Path(os.environ["TOCSIN_AT"], "x").exists(), "a waiter has made x")
        assert shell("evt_set x").returncode == 0
        assert first.hear() == "0"
        assert second.hear() == "0"
    assert shell("evt_wait x").returncode == 0
    assert shell("evt_clear x").returncode == 0
    assert shell("evt_wait x 0.2").returncode == 1


def test_python_and_shells_share_the_event(shell: Shell) -> None:
    with Child.of(["evt_wait", "job/ready", "60"]) as native, Child.of(["tocsin", "wait", "job/ready"]) as python:
        native.until_asleep()
        python.until_asleep()
        with Event("job/ready") as event:
            event.set()
            assert native.end() == 0
            assert python.end() == 0
            assert shell("tocsin clear job/ready").returncode == 0
            assert not event.is_set()
            assert event.generation == 1


def test_a_pulse_releases_both(shell: Shell) -> None:
    with Child.of(["evt_wait", "x"]) as native, Child.of(["tocsin", "wait", "x"]) as python:
        native.until_asleep()
        python.until_asleep()
        assert shell("evt_set x; evt_clear x").returncode == 0
        assert native.end() == 0
        assert python.end() == 0


def test_wait_for_clear_and_since(shell: Shell) -> None:
    assert shell("tocsin set x").returncode == 0
    assert shell("tocsin wait x --since 0 --timeout 0").returncode == 0
    assert shell("tocsin wait x --since 1 --timeout 0").returncode == 1
    assert shell("tocsin wait x --clear --timeout 0").returncode == 1
    with Child.of(["tocsin", "wait", "x", "--clear"]) as waiter:
        waiter.until_asleep()
        assert shell("evt_clear x").returncode == 0
        assert waiter.end() == 0


WAITS = [["evt_wait", "x"], ["tocsin", "wait", "x"]]


@pytest.mark.parametrize("command", WAITS, ids=lambda c: c[0])
def test_ctrl_c_ends_it_by_the_signal(command: list[str]) -> None:
    with Child.of(command) as waiter:
        waiter.until_asleep()
        waiter.signal(signal.SIGINT)
        assert waiter.end() == -signal.SIGINT
        assert waiter.errors() == ""


@pytest.mark.parametrize("command", WAITS, ids=lambda c: c[0])
def test_ctrl_c_ends_a_shell_loop(command: list[str]) -> None:
    """A shell goes on after a child that exits by itself, also with 130; it stops when the signal ended the child."""
    script = f"while :; do echo $$; {' '.join(command)}; done; echo after"
    with Child.of(["bash", "-c", script], start_new_session=True) as loop:
        loop.hear()
        children = Path(f"/proc/{loop.pid}/task/{loop.pid}/children")
        until(lambda: children.read_text().split(), "the loop waits")
        until_asleep(int(children.read_text().split()[0]))
        os.killpg(loop.pid, signal.SIGINT)
        assert loop.end() == -signal.SIGINT
        assert loop.rest == ""


@pytest.mark.parametrize("command", WAITS, ids=lambda c: c[0])
def test_stopped_and_continued_it_goes_on(command: list[str], shell: Shell) -> None:
    with Child.of(command) as waiter:
        waiter.until_asleep()
        waiter.signal(signal.SIGSTOP)
        until_state(waiter.pid, "T")
        waiter.signal(signal.SIGCONT)
        # Not until_asleep: the kernel goes on with the interrupted call under another number.
        until_state(waiter.pid, "S")
        assert shell("evt_set x").returncode == 0
        assert waiter.end() == 0


@pytest.mark.parametrize("command", WAITS, ids=lambda c: c[0])
def test_removed_while_it_waits(command: list[str], shell: Shell) -> None:
    with Child.of(command) as waiter:
        waiter.until_asleep()
        assert shell("tocsin rm x").returncode == 0
        assert waiter.end() == 3
        assert len(waiter.errors().splitlines()) == 1
        assert "removed" in waiter.errors()


def test_an_ignored_ctrl_c_stays_ignored(shell: Shell) -> None:
    """nohup, and a shell's background jobs, ignore it on purpose."""
    with Child.of(["sh", "-c", "trap '' INT; exec tocsin wait x"]) as waiter:
        waiter.until_asleep()
        waiter.signal(signal.SIGINT)
        assert shell("evt_set x").returncode == 0
        assert waiter.end() == 0


@pytest.mark.parametrize("program", ["evt_set x", "tocsin set x"])
def test_closed_standard_descriptors(program: str, shell: Shell) -> None:
    assert shell(f"{program} <&- >&- 2>&-").returncode == 0
    assert shell("evt_wait x 0").returncode == 0
