"""`tocsin run`: the order of a graph, what its end says, and the call."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from harness.child import Child

from tocsin import Event
from tocsin.cli._verbs import BY_NAME

if TYPE_CHECKING:
    from subprocess import CompletedProcess

Run = Callable[..., "CompletedProcess[str]"]
Shell = Callable[[str], "CompletedProcess[str]"]

#: job: whom it waits for
DIAMOND = {"a": [], "b": ["a"], "c": ["a"], "d": ["b", "c"], "e": ["d"]}


def line(job: str, log: Path) -> list[str]:
    after = [word for other in DIAMOND[job] for word in ("--after", other)]
    return ["tocsin", "run", *after, "--sets", job, "--", "sh", "-c", f"echo {job} >> {log}"]


def in_order(log: Path) -> None:
    done = log.read_text().split()
    assert sorted(done) == sorted(DIAMOND)
    for job, others in DIAMOND.items():
        assert all(done.index(other) < done.index(job) for other in others), done


@pytest.mark.parametrize("jobs", ["abcde", "edcba"])
def test_a_diamond_of_shell_lines(jobs: str, shell: Shell, tmp_path: Path) -> None:
    log = tmp_path / "log"
    for _ in range(5):
        lines = [" ".join(f"'{word}'" for word in line(job, log)) + " &" for job in jobs]
        result = shell("\n".join([*lines, "wait"]))
        assert (result.returncode, result.stderr) == (0, "")
        in_order(log)
        log.unlink()
        assert shell("tocsin clear a b c d e").returncode == 0


def test_a_diamond_whose_jobs_all_wait_before_the_first_one_comes(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with ExitStack() as stack:
        jobs = []
        for job in "edcb":
            jobs.append(stack.enter_context(Child.of(line(job, log))))
            jobs[-1].until_asleep()
        assert not log.exists()
        jobs.append(stack.enter_context(Child.of(line("a", log))))
        for job in jobs:
            assert job.end() == 0, job.errors()
    in_order(log)


def test_the_events_may_be_anybodys(shell: Shell) -> None:
    """`run` is one more peer: it waits for evt_set, and Python waits for it."""
    line = ["tocsin", "run", "--after", "first", "--sets", "second", "--", "true"]
    with Event("second") as second, Child.of(line) as job:
        job.until_asleep()
        assert shell("evt_set first").returncode == 0
        assert second.wait(60)
        assert job.end() == 0


def test_a_pulse_counts(shell: Shell) -> None:
    with Child.of(["tocsin", "run", "--after", "x", "--", "echo", "ran"]) as job:
        job.until_asleep()
        assert shell("evt_set x && evt_clear x").returncode == 0
        assert job.check() == "ran\n"


@pytest.mark.parametrize("code", [0, 1, 7, 123, 255])
def test_the_exit_code_is_the_commands(code: int, run: Run) -> None:
    assert run("tocsin", "run", "--sets", "x", "--", "sh", "-c", f"exit {code}").returncode == code
    assert run("evt_wait", "x", "0").returncode == (0 if code == 0 else 4)


ENDS = ["SIGTERM", "SIGKILL", "SIGINT", "SIGHUP", "SIGQUIT", "SIGSEGV", "SIGABRT", "SIGPIPE", "SIGUSR1", "SIGRTMIN"]


@pytest.mark.parametrize("name", ENDS)
def test_it_ends_by_the_signal_that_ended_the_command(name: str, run: Run, tmp_path: Path) -> None:
    number = getattr(signal, name)
    if number in (signal.SIGQUIT, signal.SIGSEGV, signal.SIGABRT):  # no core of the command, either
        command = ["sh", "-c", f"ulimit -c 0; kill -{int(number)} $$"]
    else:
        command = ["sh", "-c", f"kill -{int(number)} $$"]
    result = run("tocsin", "run", "--sets", "x", "--", *command, cwd=tmp_path)
    assert (result.returncode, result.stderr) == (-number, "")
    assert run("evt_wait", "x", "0").returncode == 4


def test_it_leaves_no_core_of_its_own(tmp_path: Path) -> None:
    """The command leaves one, if that is wanted; one of `run` would only hide it."""
    command = ["tocsin", "run", "--", "sh", "-c", "kill -ABRT $$"]
    script = f"""
import os, resource
os.chdir({str(tmp_path)!r})
resource.setrlimit(resource.RLIMIT_CORE, (resource.getrlimit(resource.RLIMIT_CORE)[1],) * 2)
os.execvp("tocsin", {command})
"""
    done = os.posix_spawn(sys.executable, [sys.executable, "-c", script], os.environ)
    _, status = os.waitpid(done, 0)
    assert os.WIFSIGNALED(status)
    assert os.WTERMSIG(status) == signal.SIGABRT
    assert not os.WCOREDUMP(status)


@pytest.mark.parametrize("command", ["true", "exit 3", "kill -9 $$", "kill -TERM $$"])
def test_sets_always_is_set_by_any_end(command: str, run: Run) -> None:
    with Child.of(["evt_wait", "x"]) as waiter:
        waiter.until_asleep()
        run("tocsin", "run", "--sets-always", "x", "--", "sh", "-c", command)
        assert waiter.end() == 0


def test_sets_always_also_when_there_is_no_such_command(run: Run) -> None:
    assert run("tocsin", "run", "--sets-always", "x", "--", "no-such-command").returncode == 127
    assert run("evt_wait", "x", "0").returncode == 0


def test_an_event_that_is_set_from_before_is_cleared_first(run: Run) -> None:
    assert run("evt_set", "x").returncode == 0
    with Child.of(["tocsin", "run", "--sets", "x", "--", "sh", "-c", "echo up; read line"]) as job:
        job.hear()
        assert run("evt_wait", "x", "0").returncode == 1
        job.say()
        assert job.end() == 0
    assert run("evt_wait", "x", "0").returncode == 0


def test_after_a_failure_it_is_run_again(run: Run) -> None:
    assert run("tocsin", "run", "--sets", "x", "--", "false").returncode == 1
    assert run("tocsin", "run", "--after", "x", "--", "true").returncode == 123
    with Child.of(["tocsin", "run", "--sets", "x", "--", "sh", "-c", "echo up; read line"]) as job:
        job.hear()
        with Child.of(["tocsin", "run", "--after", "x", "--", "echo", "ran"]) as later:
            later.until_asleep()
            job.say()
            assert later.check() == "ran\n"
        assert job.end() == 0


def test_two_cannot_promise_the_same(run: Run) -> None:
    with Child.of(["tocsin", "run", "--sets", "x", "--", "sh", "-c", "echo up; read line"]) as job:
        job.hear()
        second = run("tocsin", "run", "--sets", "x", "--", "echo", "never")
        assert (second.returncode, second.stdout) == (125, "")
        assert f"process {job.pid}, sh -c echo up; read line" in second.stderr
        job.say()
        assert job.end() == 0


def test_a_command_that_leaves_children_behind_is_done(run: Run) -> None:
    result = run("tocsin", "run", "--sets", "x", "--", "sh", "-c", "sleep 1000 >/dev/null 2>&1 & echo $!")
    os.kill(int(result.stdout), signal.SIGKILL)  # it was there
    assert result.returncode == 0
    assert run("evt_wait", "x", "0").returncode == 0


def test_removed_while_the_command_runs(run: Run) -> None:
    """What was promised could not be done, which is no success."""
    with Child.of(["tocsin", "run", "--sets", "x", "--", "sh", "-c", "echo up; read line"]) as job:
        job.hear()
        assert run("tocsin", "rm", "x").returncode == 0
        job.say()
        assert job.end() == 125
        assert job.errors().count("\n") == 1
        assert "removed" in job.errors()


def test_removed_while_it_waits(run: Run) -> None:
    with Child.of(["tocsin", "run", "--after", "x", "--", "true"]) as job:
        job.until_asleep()
        assert run("tocsin", "rm", "x").returncode == 0
        assert job.end() == 125
        assert "x: removed" in job.errors()


# -- what the command finds


def seen_by(command: list[str], **options: object) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True, **options).stdout


@pytest.mark.parametrize("options", [[], ["--sets", "x"], ["--after", "set", "--sets", "x"]], ids=" ".join)
def test_the_command_finds_what_it_would_have_found_without_run(options: list[str], run: Run, tmp_path: Path) -> None:
    assert run("evt_set", "set").returncode == 0

    def prepare() -> None:
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        signal.signal(signal.SIGTSTP, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR2, signal.SIGTERM})
        os.umask(0o027)

    script = (
        "grep -E '^(Sig(Blk|Ign|Cgt)|Umask|NSpgid|NSsid|CapEff)' /proc/self/status; ls -l /proc/self/fd | wc -l;"
        "pwd; env | grep -v '^_=' | sort; ps -o pgid= -p $$ 2>/dev/null | wc -l; ulimit -a; ls /proc/$$/fd"
    )
    plain = ["sh", "-c", script]
    kw = {"cwd": tmp_path, "preexec_fn": prepare, "process_group": os.getpgrp()}
    assert seen_by(["tocsin", "run", *options, "--", *plain], **kw) == seen_by(plain, **kw)


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_standard_descriptors_are_closed_for_the_command(closed: str, run: Run, tmp_path: Path) -> None:
    found = tmp_path / "found"
    for command in ("", "tocsin run --sets x --"):
        script = f"""{command} sh -c 'ls /proc/$$/fd >>{found}' {closed}"""
        assert run("sh", "-c", script).returncode == 0
    numbers = found.read_text().split()
    assert numbers[: len(numbers) // 2] == numbers[len(numbers) // 2 :]
    assert len(set(numbers)) < 4
    assert run("evt_wait", "x", "0").returncode == 0


def test_a_script_without_a_first_line_is_the_shells(run: Run, tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text("echo $1\n")
    script.chmod(0o755)
    assert run("tocsin", "run", "--", str(script), "word").stdout == "word\n"


def test_what_the_command_is_given_is_not_read(run: Run) -> None:
    assert run("tocsin", "run", "--", "echo", "--sets", "x", "--", "--help").stdout == "--sets x -- --help\n"
    assert run("tocsin", "run", "echo", "--sets", "x").stdout == "--sets x\n"


# -- the call

WRONG = {
    "no command": ([], 2, "COMMAND"),
    "no command behind --": (["--after", "x", "--"], 2, "COMMAND"),
    "no such option": (["--nope", "--", "true"], 2, "--nope"),
    "no value": (["--after"], 2, "--after"),
    "a bad name": (["--after", "a b", "--", "true"], 2, "A-Z"),
    "a bad name to set": (["--sets", "", "--", "true"], 2, "empty"),
    "two to set": (["--sets", "x", "--sets", "y", "--", "true"], 2, "second"),
    "two ways to set": (["--sets-always", "x", "--sets", "y", "--", "true"], 2, "second"),
    "itself": (["--after", "y", "--after", "x", "--sets", "x", "--", "true"], 2, "own end"),
    "a bad time": (["--timeout", "soon", "--", "true"], 2, "seconds"),
    "a bad mode": (["--mode", "888", "--", "true"], 2, "octal"),
    "a bad place": (["--at", "nowhere", "--", "true"], 2, "place"),
    "no such place": (["--at", "/nonexistent/place", "--sets", "x", "--", "true"], 125, "directory"),
    "another host": (["--at", "redis://h", "--sets", "x", "--", "true"], 125, "redis://h"),
    "timed out": (["--after", "x", "--timeout", "0.01", "--", "echo"], 124, "x"),
    "looked once": (["--after", "x", "--timeout", "0", "--", "echo"], 124, "x"),
    "a directory to set": (["--sets", "folder", "--", "true"], 125, "folder"),
    "damaged": (["--after", "damaged", "--", "true"], 125, "damaged"),
    "not found": (["--", "no-such-command"], 127, "no-such-command"),
    "not found by path": (["--", "./no-such-command"], 127, "no-such-command"),
    "an empty command": (["--", ""], 127, "''"),
    "not executable": (["--", "/proc/version"], 126, "/proc/version"),
    "executing a directory": (["--", "/proc"], 126, "/proc"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_call_that_cannot_be_done_is_one_line(case: str, run: Run, place: str) -> None:
    Path(place, "folder").mkdir()
    Path(place, "damaged").write_bytes(b"x" * 5000)
    words, code, says = WRONG[case]
    result = run("tocsin", "run", *words)
    assert (result.returncode, result.stdout) == (code, ""), result
    assert result.stderr.startswith("tocsin run: ")
    assert result.stderr.count("\n") == 1
    assert says in result.stderr
    if code == 2:
        assert sorted(os.listdir(place)) == ["damaged", "folder"], "a wrong call makes nothing"


def test_who_cannot_be_started_has_broken_his_promise(run: Run) -> None:
    assert run("tocsin", "run", "--sets", "x", "--", "no-such-command").returncode == 127
    result = run("evt_wait", "x")
    assert result.returncode == 4
    assert "no-such-command" in result.stderr


def test_the_table_of_verbs_tells_the_options_of_the_program(run: Run) -> None:
    """Two languages, one call: completion and `tocsin --help` come from the table, the call is read in C."""
    text = run("tocsin", "run", "--help").stdout
    native = set(re.findall(r"^  (--[a-z-]+)", text, re.MULTILINE)) - {"--help", "--version"}
    assert native == {flag for option in BY_NAME["run"].options for flag in option.flags}
    assert " run " in run("tocsin", "--help").stdout
    assert run("tocsin", "run", "--version").stdout.split()[-1] == run("tocsin", "--version").stdout.split()[-1]


def test_completion_knows_it(run: Run) -> None:
    found = run("tocsin", "complete", "--", "tocsin", "run", "--").stdout
    assert "--after" in found
    assert "--sets-always" in found


def test_the_module_becomes_the_program(run: Run) -> None:
    result = run(sys.executable, "-m", "tocsin.cli", "run", "--sets", "x", "--", "sh", "-c", "echo $PPID; exit 9")
    assert result.returncode == 9
    assert result.stdout.strip().isdecimal()
    assert run("tocsin-verbs", "run", "--", "echo", "it").stdout == "it\n"


def test_without_pythons_half_it_says_so(run: Run, tmp_path: Path) -> None:
    alone = tmp_path / "tocsin"
    alone.write_bytes(Path(sys.executable).with_name("tocsin").read_bytes())
    alone.chmod(0o755)
    result = run(str(alone), "set", "x", env={"PATH": str(tmp_path)})
    assert (result.returncode, result.stderr.count("\n")) == (3, 1)
    assert "tocsin-verbs" in result.stderr
    assert run(str(alone), "run", "--", "/bin/echo", "it").stdout == "it\n"
