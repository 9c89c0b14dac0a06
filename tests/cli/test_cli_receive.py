"""receive: an item is done when its command has done it, and comes back when anybody dies before."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from harness.child import Child
from harness.commands import Run, said
from harness.state import until_gone

from tocsin import Queue

if TYPE_CHECKING:
    from typing import Any


def test_receive_runs_a_command(run: Run, jobs: Queue[Any]) -> None:
    jobs.put({"id": 1})
    result = run(
        "tocsin", "receive", "jobs", "--", "sh", "-c", 'cat; echo "attempt $TOCSIN_ATTEMPT of $TOCSIN_SEQUENCE"'
    )
    assert said(result) == '{"id":1}\nattempt 1 of 1\n'
    assert jobs.join(60)


def test_a_command_that_fails_gives_the_item_back(run: Run, jobs: Queue[Any]) -> None:
    jobs.put("bad")
    failed = run("tocsin", "receive", "jobs", "--", "sh", "-c", "echo work; exit 7")
    assert (failed.returncode, failed.stdout) == (3, "work\n")
    assert len(failed.stderr.splitlines()) == 1
    assert "ended with 7" in failed.stderr
    killed = run("tocsin", "receive", "jobs", "--", "sh", "-c", "kill -9 $$")
    assert killed.returncode == 3
    assert "SIGKILL" in killed.stderr
    with jobs.receive(timeout=60) as delivery:
        assert (delivery.item, delivery.attempt) == ("bad", 3)


def test_after_the_last_attempt_it_is_a_dead_letter(run: Run, place: str) -> None:
    with Queue("few", max_deliveries=2) as queue:
        queue.put("bad")
        queue.put("good")
        script = 'read item; test "$item" = \'"good"\''
        result = run("tocsin", "receive", "few", "--count=inf", "--timeout=0", "--", "sh", "-c", script)
        assert result.returncode == 3
        assert len(result.stderr.splitlines()) == 2
        assert queue.empty()
        assert queue.dead.qsize() == 1
    assert "few.dead" in [row["name"] for row in json.loads(said(run("tocsin", "ls", "--json")))]


def test_a_command_that_does_not_read_its_item(run: Run, jobs: Queue[Any]) -> None:
    jobs.put("x" * 1_000_000)
    said(run("tocsin", "receive", "jobs", "--", "true"))
    assert jobs.join(60)


def test_a_command_that_is_not_there_takes_nothing(run: Run, jobs: Queue[Any], place: str) -> None:
    jobs.put("item")
    Path(place, "not-executable").write_text("#!/bin/sh\n")
    for command in ("no-such-command-here", f"{place}/not-executable", "/", ""):
        missing = run("tocsin", "receive", "jobs", "--", command)
        assert (missing.returncode, missing.stdout) == (3, "")
        assert len(missing.stderr.splitlines()) == 1
    Path(place, "bad-interpreter").write_text("#!/no/such/interpreter\n")
    os.chmod(f"{place}/bad-interpreter", 0o700)
    assert run("tocsin", "receive", "jobs", "--", f"{place}/bad-interpreter").returncode == 3
    with jobs.receive(timeout=60) as delivery:
        assert (delivery.item, delivery.attempt) == ("item", 2)


def test_a_failure_is_seen_though_our_caller_ignores_the_ends_of_children(run: Run, jobs: Queue[Any]) -> None:
    jobs.put("item")
    result = run("env", "--ignore-signal=CHLD", "tocsin", "receive", "jobs", "--", "sh", "-c", "exit 7")
    assert result.returncode == 3
    assert "ended with 7" in result.stderr
    assert jobs.qsize() == 1


def test_a_delay(run: Run, jobs: Queue[Any]) -> None:
    jobs.put("later")
    assert run("tocsin", "receive", "jobs", "--delay", "3600", "--", "false").returncode == 3
    found = jobs.stats()
    assert (found.ready, found.delayed, found.held) == (0, 1, 0)


@pytest.mark.parametrize("when", ["at work", "at its start"])
def test_ctrl_c_gives_the_item_back_and_ends_the_command(when: str, jobs: Queue[Any]) -> None:
    jobs.put("item")
    script = f"echo $$; {'kill -INT $PPID; ' if when == 'at its start' else ''}exec sleep 3600"
    with Child.of(["tocsin", "receive", "jobs", "--", "sh", "-c", script], start_new_session=True) as worker:
        child = int(worker.hear())
        if when == "at work":
            worker.signal(signal.SIGINT)  # to it alone; at a terminal the command gets it too
        assert worker.end() == -signal.SIGINT
        assert worker.errors() == ""
        assert not Path(f"/proc/{child}").exists()
    with jobs.receive(timeout=60) as delivery:
        assert (delivery.item, delivery.attempt) == ("item", 2)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_worker_that_is_killed(number: signal.Signals, jobs: Queue[Any]) -> None:
    """Its item goes to another worker, so its command must not go on."""
    jobs.put("item")
    command = ["tocsin", "receive", "jobs", "--", "sh", "-c", "echo $$; exec sleep 3600"]
    with Child.of(command) as worker:
        child = int(worker.hear())
        worker.signal(number)
        assert worker.process.wait(60) == -number
        until_gone(child)
    with jobs.receive(timeout=60) as delivery:
        assert (delivery.item, delivery.attempt) == ("item", 2)
