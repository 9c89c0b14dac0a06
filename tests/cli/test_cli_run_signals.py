"""`tocsin run` and signals: what is sent to it reaches the command, once; a stopped command stops it."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from harness.child import Child
from harness.state import state, until_state
from harness.until import until

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Says each signal's name as it comes (not KILL, STOP, CHLD, nor the faults). RTMAX ends it: the kernel hands out
#: smaller numbers first, so that everything that was sent on before has been said by then.
EARS = """
import os, signal, sys
names = {n.value: n.name for n in signal.Signals}
ears = signal.valid_signals() - {9, 19, 17, 4, 5, 7, 8, 11, 31}
ears -= set() if "stops" not in sys.argv else {signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU, signal.SIGCONT}
signal.pthread_sigmask(signal.SIG_BLOCK, ears)
print("ready", os.getpid(), flush=True)
while (got := signal.sigwaitinfo(ears)).si_signo != signal.SIGRTMAX:
    print(names.get(got.si_signo, got.si_signo), flush=True)
    if "kills" in sys.argv and got.si_signo == signal.SIGUSR1:
        os.kill(0, signal.SIGTERM)
"""


class Job(Child):
    """`tocsin run` around EARS, in a group of its own."""

    command: int

    @classmethod
    def begin(cls, *words: str, options: tuple[str, ...] = ()) -> Job:
        job = cls.of(["tocsin", "run", *options, "--", sys.executable, "-c", EARS, *words], process_group=0)
        job.command = int(job.hear().split()[1])
        return job

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)  # the command hears SIGTERM, and goes on
        super().kill()

    def heard(self) -> list[str]:
        """Everything it was sent until now."""
        self.signal(signal.SIGRTMAX)
        return self.check().split()


@pytest.fixture
def job() -> Iterator[Job]:
    with Job.begin() as made:
        yield made


ALL = [
    *("SIGHUP", "SIGINT", "SIGQUIT", "SIGABRT", "SIGUSR1", "SIGUSR2", "SIGPIPE", "SIGALRM", "SIGTERM", "SIGURG"),
    *("SIGXCPU", "SIGXFSZ", "SIGVTALRM", "SIGPROF", "SIGWINCH", "SIGIO", "SIGPWR", "SIGTSTP", "SIGTTIN", "SIGTTOU"),
    *("SIGRTMIN",),
]


def test_each_signal_reaches_the_command_once(job: Job) -> None:
    for name in ALL:
        job.signal(getattr(signal, name))
        assert job.hear() == name
    assert job.heard() == []


def test_a_queued_signal_is_sent_on_with_its_value(job: Job) -> None:
    """Real-time signals queue: none is merged with another."""
    for _ in range(50):
        job.signal(signal.SIGRTMIN)
    assert job.heard() == ["SIGRTMIN"] * 50


def test_a_signal_before_the_command_is_there_ends_it_all() -> None:
    """While it waits for others it ends as any program does, and its dependents hear of it."""
    with Child.of(["tocsin", "run", "--after", "x", "--sets", "y", "--", "true"]) as waiting:
        waiting.until_asleep()
        waiting.signal(signal.SIGTERM)
        assert waiting.end() == -signal.SIGTERM
    with Child.of(["evt_wait", "y"]) as waiter:
        assert waiter.end() == 4


def test_what_the_command_sends_to_its_whole_group_does_not_come_back() -> None:
    with Job.begin("kills") as killer:
        killer.signal(signal.SIGUSR1)
        assert killer.hear() == "SIGUSR1"
        assert killer.hear() == "SIGTERM"
        assert killer.heard() == []


@pytest.mark.parametrize("name", ["SIGTSTP", "SIGTTIN", "SIGTTOU"])
def test_stopped_by_job_control_it_stops_and_goes_on(name: str) -> None:
    with Job.begin("stops") as job:
        for _ in range(3):
            job.signal(getattr(signal, name))
            until_state(job.pid, "T")
            assert state(job.command) == "T"
            job.signal(signal.SIGCONT)  # to it alone: it is the one that sends it on
            until_state(job.command, "S")
            until_state(job.pid, "S")
        assert job.heard() == []


def test_the_kernel_tells_the_parent_how_it_stopped() -> None:
    with Job.begin("stops") as job:
        job.signal(signal.SIGTTIN)
        _, status = os.waitpid(job.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status)
        assert os.WSTOPSIG(status) == signal.SIGTTIN
        job.signal(signal.SIGCONT)
        assert job.heard() == []


def test_the_whole_group_stopped_and_continued_at_once_goes_on() -> None:
    """A stop and a continue in a row, many times: whichever of the two is seen first, nobody is left stopped."""
    with Job.begin("stops") as job:
        for _ in range(300):
            os.killpg(job.pid, signal.SIGTSTP)
            os.killpg(job.pid, signal.SIGCONT)
        job.signal(signal.SIGUSR1)
        assert job.hear() == "SIGUSR1"
        for pid in (job.pid, job.command):
            until_state(pid, "S")
        assert job.heard() == []


def test_the_command_alone_stopped_and_continued_at_once_does_not_leave_us_stopped() -> None:
    with Job.begin("stops") as job:
        for _ in range(300):
            os.kill(job.command, signal.SIGSTOP)
            os.kill(job.command, signal.SIGCONT)
        assert job.heard() == []


def test_sigstop_of_the_command_alone_is_nobody_elses_affair(job: Job) -> None:
    """Limiters of processor time do that, and continue the command alone: who would continue us?"""
    os.kill(job.command, signal.SIGSTOP)
    until_state(job.command, "T")
    job.signal(signal.SIGUSR1)
    assert state(job.pid) != "T"
    job.signal(signal.SIGCONT)
    assert job.hear() in ("SIGUSR1", "SIGCONT")
    assert job.hear() in ("SIGUSR1", "SIGCONT")
    assert job.heard() == []


def test_while_it_waits_it_may_be_stopped_and_goes_on() -> None:
    with Child.of(["tocsin", "run", "--after", "x", "--", "echo", "ran"]) as waiting:
        waiting.until_asleep()
        waiting.signal(signal.SIGSTOP)
        until_state(waiting.pid, "T")
        with Child.of(["evt_set", "x"]) as setter:
            assert setter.end() == 0
        waiting.signal(signal.SIGCONT)
        assert waiting.check() == "ran\n"


def test_the_first_process_of_a_container_passes_on_and_takes_in_orphans() -> None:
    """Number 1 of a pid namespace: signals that nobody handles don't reach it, and orphans become its children."""
    script = "(sleep 0.01 &) ; trap 'echo TERM; exit 5' TERM; echo ready; while :; do sleep 0.02; done"
    with Child.of(["unshare", "--fork", "--pid", "--mount-proc", "tocsin", "run", "--", "bash", "-c", script]) as outer:
        try:
            assert outer.hear() == "ready"
        except AssertionError as error:
            if "unshare" in str(error):
                pytest.skip("no pid namespaces here")
            raise
        children = Path(f"/proc/{outer.pid}/task/{outer.pid}/children").read_text().split()
        first = int(children[0])

        def no_zombies() -> bool:
            of_first = Path(f"/proc/{first}/task/{first}/children").read_text().split()
            return len(of_first) == 1

        until(no_zombies, "only the command is left")
        os.kill(first, signal.SIGTERM)
        assert outer.hear() == "TERM"
        assert outer.end() == 5
