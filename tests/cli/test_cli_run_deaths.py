"""`tocsin run`: somebody dies, and the whole graph behind him hears of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING

import pytest
from harness.child import Child
from harness.state import alive, until_gone, until_state

from tocsin import Event

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from subprocess import CompletedProcess

Run = Callable[..., "CompletedProcess[str]"]

#: The first job of a graph: says its number, and stays.
STAYS = "echo $$; exec sleep 1000"


@contextmanager
def started(*lines: tuple[str, ...]) -> Iterator[list[Child]]:
    """Each `tocsin run` of `lines`, which sleeps when the next one begins."""
    with ExitStack() as stack:
        jobs = []
        for line in lines:
            jobs.append(stack.enter_context(Child.of(["tocsin", "run", *line])))
            jobs[-1].until_asleep()
        yield jobs


@contextmanager
def first(*options: str, script: str = STAYS) -> Iterator[tuple[Child, int]]:
    """The job that sets `a`, and its command's number."""
    with Child.of(["tocsin", "run", *options, "--sets", "a", "--", "sh", "-c", script], process_group=0) as job:
        number = int(job.hear())
        try:
            yield job, number
        finally:
            if alive(number):
                with suppress(ProcessLookupError):  # it has just gone by itself
                    os.kill(number, signal.SIGKILL)


BEHIND = (
    ("--after", "a", "--sets", "b", "--", "echo", "never"),
    ("--after", "a", "--sets", "c", "--", "echo", "never"),
    ("--after", "b", "--after", "c", "--sets", "d", "--", "echo", "never"),
    ("--after", "d", "--", "echo", "never"),
)


def all_heard(jobs: list[Child]) -> None:
    """Each ends with the code, and one line that says whom it waited for and what wasn't started."""
    said = []
    for job in jobs:
        assert job.end() == 123, job.errors()
        assert job.rest == ""
        assert job.errors().count("\n") == 1
        assert "its owner died before it was set: process " in job.errors()
        assert job.errors().endswith("(echo never was not started)\n")
        said.append(job.errors())
    for line, job in zip(said[:2], jobs[:2], strict=True):
        assert line.startswith("tocsin run: a: "), (line, job)


@pytest.mark.parametrize("who", ["the command", "run", "both"])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV])
def test_the_whole_graph_comes_down(who: str, number: signal.Signals) -> None:
    with first() as (job, command), started(*BEHIND) as jobs:
        if who != "run":
            os.kill(command, number)
        if who != "the command":
            os.kill(job.pid, number)
        all_heard(jobs)
        assert f"process {job.pid}, sh -c echo $$; exec sleep 1000" in jobs[0].errors()
        assert job.end() == -number
        until_gone(command)  # with run its command goes, too


def test_who_comes_later_hears_it_at_once(run: Run) -> None:
    with first() as (job, _):
        job.signal(signal.SIGKILL)
        job.end()
    with started() as _:
        result = run("tocsin", "run", "--after", "a", "--", "echo", "never")
    assert (result.returncode, result.stdout) == (123, "")
    result = run("evt_wait", "a")
    assert (result.returncode, result.stdout) == (4, "")
    assert f"process {job.pid}, sh -c" in result.stderr


def test_a_failure_is_a_death_to_those_who_wait() -> None:
    with first(script="echo $$; read line; exit 3") as (job, _), started(*BEHIND) as jobs:
        job.say()
        all_heard(jobs)
        assert job.end() == 3


def test_one_of_many_is_enough(run: Run) -> None:
    """It waits for five, two of which are set; the third one's death ends it, whatever the others do."""
    for name in ("p", "q"):
        assert run("evt_set", name).returncode == 0
    after = [word for name in ("p", "x", "a", "y", "q") for word in ("--after", name)]
    with first() as (_, command), started((*after, "--", "echo", "never")) as jobs:
        os.kill(command, signal.SIGKILL)
        assert jobs[0].end() == 123
        assert jobs[0].errors().startswith("tocsin run: a: ")


def test_a_job_that_dies_while_it_waits_is_dead_to_its_dependents() -> None:
    """It owns before it waits: this is why."""
    with started(("--after", "x", "--sets", "a", "--", "true"), *BEHIND) as jobs:
        jobs[0].signal(signal.SIGKILL)
        all_heard(jobs[1:])


def test_python_hears_it_too(run: Run) -> None:
    with first() as (job, _), Child.of(["evt_wait", "a"]) as waiter, Event("a") as event:
        waiter.until_asleep()
        assert not event.wait(0)
        job.signal(signal.SIGKILL)
        assert waiter.end() == 4
        assert run("evt_set", "a").returncode == 0  # somebody else does the work: the death is over
        assert event.wait(60)


def test_the_command_is_told_when_run_is_killed(tmp_path: Path) -> None:
    log = tmp_path / "log"
    script = f"trap 'echo TERM >>{log}; exit' TERM; echo $$; while :; do sleep 0.01; done"
    with first(script=script) as (job, command):
        job.signal(signal.SIGKILL)
        assert job.process.wait(60) == -signal.SIGKILL
        until_gone(command)
    assert log.read_text() == "TERM\n"


def test_a_command_that_ignores_it_goes_on_and_nobody_believes_in_it(run: Run) -> None:
    """What is dead is the promise. Who takes the event over doesn't get in the way of what is left."""
    with first(script="trap '' TERM; echo $$; exec sleep 1000") as (job, command):
        with Child.of(["evt_wait", "a"]) as waiter:
            waiter.until_asleep()
            job.signal(signal.SIGKILL)
            assert waiter.end() == 4
        assert alive(command)
        assert run("tocsin", "run", "--sets", "a", "--", "true").returncode == 0
        assert run("evt_wait", "a", "0").returncode == 0


def test_stopped_is_not_dead() -> None:
    with first(script="echo $$; read line") as (job, command), started(("--after", "a", "--", "echo", "ran")) as jobs:
        os.kill(job.pid, signal.SIGSTOP)
        os.kill(command, signal.SIGSTOP)
        until_state(job.pid, "T")
        jobs[0].until_asleep()
        os.killpg(job.pid, signal.SIGCONT)
        job.say()
        assert job.end() == 0
        assert jobs[0].check() == "ran\n"


CROWD = 98


def crowd(stack: ExitStack, log: Path) -> list[subprocess.Popen[bytes]]:
    """A hundred jobs: the last waits for 98, which all wait for the first; that one isn't here yet."""
    names = [f"n{i}" for i in range(CROWD)]
    lines = [[*(word for name in names for word in ("--after", name)), "--", "sh", "-c", f"echo last >> {log}"]]
    lines += [["--after", "a", "--sets", name, "--", "sh", "-c", f"echo {name} >> {log}"] for name in names]
    jobs = [subprocess.Popen(["tocsin", "run", *line], stderr=subprocess.DEVNULL) for line in lines]
    for job in jobs:
        stack.callback(job.wait)
        stack.callback(job.kill)
    return jobs


def test_a_hundred_jobs_at_once(tmp_path: Path, run: Run) -> None:
    log = tmp_path / "log"
    with ExitStack() as stack:
        jobs = crowd(stack, log)
        assert run("tocsin", "run", "--sets", "a", "--", "sh", "-c", f"echo first >> {log}").returncode == 0
        assert [job.wait(60) for job in jobs] == [0] * (CROWD + 1)
    done = log.read_text().split()
    assert (done[0], done[-1], len(set(done))) == ("first", "last", CROWD + 2)


def test_a_hundred_jobs_hear_of_one_death(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with ExitStack() as stack, first() as (job, _):
        jobs = crowd(stack, log)
        job.signal(signal.SIGKILL)
        assert [waiting.wait(60) for waiting in jobs] == [123] * (CROWD + 1)
    assert not log.exists()


def test_killed_at_random_nobody_is_left_waiting(tmp_path: Path) -> None:
    """The first of a chain is killed at any time of its short life: the second always comes back."""
    script = f"echo $$; exec {sys.executable} -S -c 'pass'"
    for _ in range(60):
        with started(("--after", "a", "--sets", "b", "--", "true")) as jobs:
            line = ["tocsin", "run", "--sets", "a", "--", "sh", "-c", script]
            with subprocess.Popen(line, stdout=subprocess.PIPE) as job:
                job.stdout.readline()
                job.kill()
            code = jobs[0].end()
            with Event("a") as event:
                assert code == (0 if event.is_set() else 123)
                event.clear()
