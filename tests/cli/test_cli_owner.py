"""Who owns an event, and his death, in commands."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest
from harness.child import Child
from harness.owner import Owner

from tocsin import Event

if TYPE_CHECKING:
    from harness.commands import Run


@pytest.mark.parametrize(
    "command", [["evt_wait", "x"], ["tocsin", "wait", "x"], ["tocsin", "wait", "x", "--timeout", "60"]]
)
def test_a_wait_exits_4_and_names_the_dead(command: list[str], run: Run) -> None:
    with Event("x") as x, Owner(x) as owner:
        with Child.of(command) as waiter:
            waiter.until_asleep()
            owner.end("SIGKILL")
            assert waiter.end() == 4
            assert str(owner.pid) in waiter.errors()
            assert "make all" in waiter.errors()
            assert waiter.errors().count("\n") == 1
        later = run(*command)
        assert later.returncode == 4
        assert str(owner.pid) in later.stderr
        x.set()
        assert run(*command).returncode == 0


def test_status_and_stat_say_who_owns_it(run: Run) -> None:
    with Event("x") as x:
        assert json.loads(run("tocsin", "status", "x", "--json").stdout)[0]["owned_by"] is None
        assert "owned_by:   nobody\n" in run("tocsin", "stat", "x").stdout
        with Owner(x) as owner:
            said = run("tocsin", "status", "x")
            assert (said.returncode, said.stdout) == (
                1,
                f"x: clear, generation 0, owned by pid {owner.pid} (make all)\n",
            )
            row = {"pid": owner.pid, "command": "make all", "alive": True}
            assert json.loads(run("tocsin", "status", "x", "--json").stdout)[0]["owned_by"] == row
            found = json.loads(run("tocsin", "stat", "x", "--json").stdout)[0]["owned_by"]
            assert {**found, "running_since": None} == {**row, "running_since": None}
            assert f"owned_by:   pid {owner.pid} (make all), running since " in run("tocsin", "stat", "x").stdout
            owner.end("SIGKILL")
            owner.reap()
            said = run("tocsin", "status", "x")
            assert said.stdout == f"x: clear, generation 0, owned by pid {owner.pid} (make all), which died\n"
            assert json.loads(run("tocsin", "ls", "--json").stdout)[0]["owned_by"] == {
                **row,
                "alive": False,
                "running_since": None,
            }
        run("tocsin", "clear", "x")
        assert run("tocsin", "status", "x").stdout == "x: clear, generation 0\n"


def test_a_command_line_can_not_disturb_a_terminal(run: Run) -> None:
    with Event("x") as x:
        x.own(command="\x1b[31mred\n")
        assert run("tocsin", "status", "x").stdout.endswith(f"pid {os.getpid()} (\\x1b[31mred\\n)\n")
