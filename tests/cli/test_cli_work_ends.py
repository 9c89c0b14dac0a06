"""tocsin work: its end, and that of its commands: drained, told twice, killed; too slow, and merely slow."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from queue import Empty
from typing import TYPE_CHECKING

import pytest
from harness.child import Child
from harness.state import state, until_gone, until_state
from harness.until import age

from tocsin import Event, Queue

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

TERM, INT, HUP, QUIT, KILL = signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGKILL
#: Says its number, and stays.
STAYS = "echo $$; exec sleep 3600"
#: States of a process that has not ended: it runs, sleeps, or waits for the disk, as one does in vfork.
LIVING = "RSD"


def worker(script: str, *options: str) -> Child:
    return Child.of(["tocsin", "work", "jobs", *options, "--", "sh", "-c", script])


@pytest.fixture
def go(place: str) -> Iterator[Event]:
    with Event("go") as event:
        yield event


def signal_to(pid: int, number: signal.Signals) -> None:
    os.kill(pid, number)


def attempts(queue: Queue[Any], count: int) -> dict[Any, int]:
    """Take so many: how often each was delivered."""
    found = {}
    for _ in range(count):
        with queue.receive(timeout=60) as delivery:
            found[delivery.item] = delivery.attempt
    return found


# -- SIGTERM


def test_sigterm_finishes_what_is_in_hand_and_takes_no_more(jobs: Queue[Any], go: Event) -> None:
    jobs.put_many([1, 2])
    with worker("echo begun; evt_wait go; echo done", "-j3") as child:
        assert [child.hear(), child.hear()] == ["begun", "begun"]
        child.signal(TERM)
        child.until_asleep()
        jobs.put(3)
        go.set()
        assert child.check() == "done\ndone\n"
    assert attempts(jobs, 1) == {3: 1}
    assert jobs.stats().unfinished == 0


def test_sigterm_ends_an_idle_one(jobs: Queue[Any]) -> None:
    with worker("true") as child:
        child.until_asleep()
        child.signal(TERM)
        assert child.check() == ""


def test_drained_with_a_failure_is_no_success(jobs: Queue[Any], go: Event) -> None:
    jobs.put(1)
    with worker("echo begun; evt_wait go; exit 1") as child:
        assert child.hear() == "begun"
        child.signal(TERM)
        child.until_asleep()
        go.set()
        assert child.end() == 3
    assert attempts(jobs, 1) == {1: 2}


def test_a_second_sigterm_ends_now(jobs: Queue[Any]) -> None:
    jobs.put_many([1, 2, 3])
    with worker(STAYS, "-j2") as child:
        commands = [int(child.hear()), int(child.hear())]
        child.signal(TERM)
        child.until_asleep()
        assert [state(pid) in LIVING for pid in commands] == [True, True]
        child.signal(TERM)
        assert child.end() == -TERM
        assert child.errors() == ""
        assert [state(pid) for pid in commands] == ["gone", "gone"]
    assert attempts(jobs, 3) == {1: 2, 2: 2, 3: 1}


@pytest.mark.parametrize("number", [INT, HUP, QUIT])
def test_these_end_now_by_themselves(number: signal.Signals, jobs: Queue[Any]) -> None:
    """The commands get the same signal, with what they have started."""
    jobs.put(1)
    script = f"trap 'echo heard; exit 0' {number.name[3:]}; sleep 3600 & echo $!; wait"
    with worker(script) as child:
        started = int(child.hear())
        child.until_asleep()
        child.signal(number)
        assert child.end() == -number
        assert (child.rest, child.errors()) == ("heard\n", "")
        until_gone(started)
    assert attempts(jobs, 1) == {1: 2}, "an exit 0 of who was told to end is no success"


def test_who_does_not_end_is_killed_after_the_grace(jobs: Queue[Any]) -> None:
    jobs.put(1)
    script = "trap '' INT TERM; sleep 3600 & echo $$ $!; while :; do wait; done"
    with worker(script, "--grace", "0.1") as child:
        commands = [int(pid) for pid in child.hear().split()]
        child.signal(INT)
        assert child.end() == -INT
        for pid in commands:
            until_gone(pid)
    assert attempts(jobs, 1) == {1: 2}


def test_a_further_signal_waits_for_no_grace(jobs: Queue[Any]) -> None:
    jobs.put(1)
    with worker("trap '' INT TERM; echo $$; while :; do sleep 3600; done", "--grace", "3600") as child:
        command = int(child.hear())
        child.signal(INT)
        child.until_asleep()
        assert state(command) in LIVING
        child.signal(INT)
        assert child.end() == -INT
        until_gone(command)


# -- SIGKILL, SIGSTOP


def test_sigkill_ends_its_commands_and_the_items_come_back(jobs: Queue[Any]) -> None:
    """However much a command likes to live, and its children: its item is another worker's now."""
    jobs.put_many([1, 2, 3])
    with worker("trap '' TERM HUP INT; sleep 3600 & echo $$ $!; while :; do wait; done", "-j2") as child:
        commands = [int(pid) for _ in range(2) for pid in child.hear().split()]
        child.signal(KILL)
        assert child.process.wait(60) == -KILL
        for pid in commands:
            until_gone(pid)
    assert attempts(jobs, 3) == {1: 2, 2: 2, 3: 1}


def test_without_its_guard_it_works_and_the_kernel_still_kills_the_command(jobs: Queue[Any]) -> None:
    with worker(STAYS) as child:
        child.until_asleep()
        (guard,) = map(int, Path(f"/proc/{child.pid}/task/{child.pid}/children").read_text().split())
        signal_to(guard, TERM)  # it is deaf to that
        signal_to(guard, KILL)
        until_gone(guard)
        jobs.put(1)
        command = int(child.hear())
        child.signal(KILL)
        assert child.process.wait(60) == -KILL
        until_gone(command)


def test_a_command_is_killed_even_if_the_worker_dies_while_it_is_stopped(jobs: Queue[Any]) -> None:
    jobs.put(1)
    with worker(STAYS) as child:
        command = int(child.hear())
        child.signal(signal.SIGSTOP)
        until_state(child.pid, "T")
        child.signal(KILL)
        assert child.process.wait(60) == -KILL
        until_gone(command)


@pytest.mark.parametrize("stopped", ["worker", "command"])
def test_slow_is_not_dead(stopped: str, jobs: Queue[Any], go: Event) -> None:
    """No clock takes an item away, whoever looks meanwhile, and whoever of the two is stopped."""
    jobs.put(1)
    with worker("echo $$; evt_wait go; echo done", "--until-empty") as child:
        command = int(child.hear())
        pid = child.pid if stopped == "worker" else command
        signal_to(pid, signal.SIGSTOP)
        until_state(pid, "T")
        age(2.2)  # everybody who looks for the dead does so once a second
        with pytest.raises(Empty):
            jobs.receive(0)
        assert jobs.stats().held == 1
        signal_to(pid, signal.SIGCONT)
        go.set()
        assert child.check() == "done\n"


# -- --timeout


def test_too_slow_is_told_to_end_with_all_that_it_started(place: str) -> None:
    script = 'read item; test "$item" = \'"quick"\' && exit; trap "exit 0" TERM; sleep 3600 & echo $!; wait'
    for seconds in ("1.5", "6", "30"):  # the clock runs from the start: a busy machine may need more to get anywhere
        with Queue("jobs", max_deliveries=1) as jobs:
            jobs.put_many(["slow", "quick"])
            with worker(script, f"--timeout={seconds}", "--until-empty", "-j2") as child:
                assert child.end() == 3
            letters = jobs.dead.get_many(2)
            assert jobs.stats().unfinished == 0
            jobs.unlink()
        reason = f"sh had not ended after {seconds} s"
        assert f"{reason}: the item was put aside" in child.errors()
        assert {"item": "slow", "reason": reason} in [{key: one[key] for key in ("item", "reason")} for one in letters]
        if len(letters) == 1 and child.rest:
            break
    (letter,) = letters
    assert letter["item"] == "slow"
    until_gone(int(child.rest))


def test_too_slow_and_deaf_is_killed(place: str) -> None:
    with Queue("jobs", max_deliveries=2) as jobs:
        jobs.put("slow")
        with worker("trap '' TERM; sleep 3600 & while :; do wait; done", "--timeout=0.2", "--grace=0.1",
                    "--until-empty") as child:  # fmt: skip
            assert child.end() == 3
            assert len(child.errors().splitlines()) == 2
        assert jobs.dead.qsize() == 1


# -- nobody reads


def test_when_nobody_reads_it_ends_as_they_do(jobs: Queue[Any]) -> None:
    """`tocsin work … | head -1` must not burn the whole queue."""
    jobs.put(1)
    with worker("echo line; kill -0 $$") as child:
        assert child.hear() == "line"
        child.process.stdout.close()
        jobs.put_many(list(range(2, 20)))
        assert child.process.wait(60) == -signal.SIGPIPE
        assert child.process.stderr.read() == b""
    assert jobs.qsize() >= 18
    assert jobs.dead.qsize() == 0


def test_who_writes_nothing_needs_no_reader(jobs: Queue[Any]) -> None:
    jobs.put_many([1, 2, 3])
    with worker("cat >&2", "--until-empty") as child:
        child.process.stdout.close()
        assert child.process.wait(60) == 0
        assert child.process.stderr.read() == b"1\n2\n3\n"
