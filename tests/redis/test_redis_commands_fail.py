"""What commands can't do at a server is one line, with the code that says so: no traceback, and no password."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import pytest
from harness.commands import Run, one_line
from harness.servers import RedisServer
from harness.subjects import blocked
from harness.until import PATIENCE_S, until

from tocsin import Bus

if TYPE_CHECKING:
    from collections.abc import Callable
    from subprocess import CompletedProcess

PASSWORD = "geheim"


def refused(result: CompletedProcess[str], code: int, says: str) -> None:
    one_line(result, code, says)
    assert PASSWORD not in result.stderr


CALLS = [
    "set x", "clear x", "wait x", "wait --any x y", "status x", "signal s", "signal v --data 1", "listen s", "put q 1",
    "get q", "receive q -- cat", "work q -- cat", "emit b x", "on b x", "ls", "stat x", "rm x", "peek q", "top --once",
    "check", "check x",
]  # fmt: skip


@pytest.mark.parametrize("call", CALLS)
def test_no_server(call: str, run: Run, environment: dict[str, str]) -> None:
    environment["TOCSIN_AT"] = f"unix://user:{PASSWORD}@/no/such/socket"
    refused(run("tocsin", *call.split()), 3, "unix://user@/no/such/socket")


@pytest.mark.parametrize("program", ["evt_set", "evt_clear", "evt_wait"])
def test_no_server_for_the_programs(program: str, run: Run, environment: dict[str, str]) -> None:
    environment["TOCSIN_AT"] = f"redis://:{PASSWORD}@127.0.0.1:1"
    refused(run(program, "x"), 3, "redis://127.0.0.1:1")


def test_no_server_for_run(run: Run, environment: dict[str, str]) -> None:
    environment["TOCSIN_AT"] = f"redis://:{PASSWORD}@127.0.0.1:1"
    refused(run("tocsin", "run", "--after", "x", "--", "true"), 125, "redis://127.0.0.1:1")


def test_no_server_for_the_doctor(run: Run, environment: dict[str, str]) -> None:
    environment["TOCSIN_AT"] = f"redis://:{PASSWORD}@127.0.0.1:1"
    result = run("tocsin", "doctor")
    assert (result.returncode, result.stderr) == (3, "")
    assert "This server is unfit." in result.stdout
    assert PASSWORD not in result.stdout


def test_a_password(run: Run) -> None:
    with RedisServer("--requirepass", PASSWORD) as server:
        url = f"unix://:{PASSWORD}@{server.socket}"
        shown = run("tocsin", "set", "x", "--json", "--at", url)
        listed = run("tocsin", "ls", "--json", "--at", url)
        told = run("tocsin", "stat", "x", "--at", url)
        for result in (shown, listed, told, run("tocsin", "doctor", "--at", url), run("evt_wait", "--at", url, "x")):
            assert (result.returncode, result.stderr) == (0, "")
            assert PASSWORD not in result.stdout
        assert json.loads(listed.stdout)[0]["at"] == f"unix://{server.socket}"
        for wrong in (f"unix://{server.socket}", f"unix://:{PASSWORD}not@{server.socket}"):
            for call in (["tocsin", "set", "x"], ["tocsin", "ls"], ["evt_wait", "x"]):
                refused(run(call[0], *call[1:], "--at", wrong), 3, server.socket)


def test_another_kind(run: Run, said: Callable[..., str]) -> None:
    said("tocsin", "set", "x")
    for call in ("put x 1", "get x", "signal x", "emit x a", "work x -- cat", "peek x"):
        refused(run("tocsin", *call.split()), 3, "x")


@pytest.mark.parametrize(
    "call",
    ["evt_wait x", "tocsin wait x", "tocsin wait --any x y", "tocsin listen s", "tocsin get q",
     "tocsin receive q -- cat", "tocsin work q -- cat", "tocsin on b x"],
)  # fmt: skip
def test_a_server_that_is_lost_in_the_middle_of_a_wait(call: str, environment: dict[str, str]) -> None:
    with RedisServer() as server:
        environment["TOCSIN_AT"] = server.url(patience=0.2)
        with (
            Bus("b", at=environment["TOCSIN_AT"]),
            subprocess.Popen(call.split(), env=environment, stderr=subprocess.PIPE, text=True) as child,
        ):
            try:
                until(lambda: blocked(server), "it sleeps")
                server.kill()
                _, complaint = child.communicate(timeout=PATIENCE_S)
            finally:
                child.kill()
    assert (child.returncode, complaint.count("\n")) == (3, 1), complaint
    assert server.socket in complaint


WRONG = {
    "an option": ("unix:///s?nope=1", 2, "nope"),
    "a database": ("redis://h/one", 2, "db"),
    "another scheme": ("http://h", 3, "redis://"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_url(case: str, run: Run) -> None:
    url, code, says = WRONG[case]
    for verb in (["set", "x"], ["ls"], ["stat", "x"]):
        refused(run("tocsin", *verb, "--at", url), code, says)
