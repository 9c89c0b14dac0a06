"""tocsin work: a thousand items, some of which fail, in several commands at once, with the worker killed half-way."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from harness.child import Child
from harness.commands import Run, said
from harness.until import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from tocsin import Queue

MANY = 1_000
#: Each tenth fails the first time, each fiftieth always. Nothing but the shell itself runs.
COMMAND = """
read n
[ $((n % 50)) = 7 ] && exit 9
[ $((n % 10)) = 3 ] && [ "$TOCSIN_ATTEMPT" = 1 ] && exit 1
echo $n >>"$LOG"
"""
UNTIL = "--until-empty"
HOPELESS = {n for n in range(MANY) if n % 50 == 7}


@pytest.fixture
def log(place: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    path = Path(place, ".log")
    path.touch()
    monkeypatch.setenv("LOG", str(path))
    return path


def worker(jobs: int, *options: str) -> Child:
    return Child.of(["tocsin", "work", "jobs", f"-j{jobs}", *options, "--", "sh", "-c", COMMAND])


def check(queue: Queue[Any], log: Path, again: int) -> None:
    """Every item is done or a dead letter, and at most `again` were done twice."""
    done = [int(line) for line in log.read_text().split()]
    dead = [letter["item"] for letter in queue.dead.get_many(MANY)]
    assert sorted(dead) == sorted(HOPELESS)
    assert set(done) == set(range(MANY)) - HOPELESS
    assert len(done) - len(set(done)) <= again
    found = queue.stats()
    assert (found.ready, found.delayed, found.held, found.unfinished) == (0, 0, 0, 0)


def test_every_item_is_done_or_a_dead_letter(jobs: Queue[Any], log: Path) -> None:
    jobs.put_many(list(range(MANY)))
    with worker(4, UNTIL) as child:
        assert child.end() == 3
    check(jobs, log, 0)


@pytest.mark.parametrize("others", [0, 1])
def test_and_also_when_the_worker_is_killed_half_way(others: int, jobs: Queue[Any], log: Path) -> None:
    """Twice; and also when another worker is there, to whom the items of the dead go at once."""
    jobs.put_many(list(range(MANY)))
    helpers = [worker(2, UNTIL) for _ in range(others)]
    try:
        for part in (MANY // 4, MANY // 2):
            with worker(4) as child:  # not until it is empty: it must not end by itself before it is killed
                until(lambda part=part: log.read_bytes().count(b"\n") > part, "a part is done")
                child.signal(signal.SIGKILL)
                assert child.process.wait(60) == -signal.SIGKILL
        with worker(4, UNTIL) as child:
            assert child.end() in (0, 3)  # 3: the last attempt at a hopeless one was its own
        for helper in helpers:
            assert helper.end() in (0, 3)
    finally:
        for helper in helpers:
            helper.kill()
    check(jobs, log, 2 * 4)


def test_eight_at_once_and_no_ninth(jobs: Queue[Any]) -> None:
    jobs.put_many(list(range(9)))
    script = "echo here; evt_wait go"
    with Child.of(["tocsin", "work", "jobs", "-j", "8", "--until-empty", "--", "sh", "-c", script]) as child:
        assert [child.hear() for _ in range(8)] == ["here"] * 8
        child.until_asleep()
        found = jobs.stats()
        assert (found.held, found.ready) == (8, 1)
        with Child.of(["evt_set", "go"]) as go:
            go.check()
        assert child.check() == "here\n"


def test_none_is_for_each_processor(jobs: Queue[Any]) -> None:
    jobs.put_many(list(range(3)))
    script = "echo here; evt_wait go"
    one = ["taskset", "-c", str(min(os.sched_getaffinity(0)))] if Path("/usr/bin/taskset").exists() else ["env"]
    with Child.of([*one, "tocsin", "work", "jobs", "-j", "0", "--until-empty", "--", "sh", "-c", script]) as child:
        assert child.hear() == "here"
        child.until_asleep()
        assert jobs.stats().held == 1 or one == ["env"]
        with Child.of(["evt_set", "go"]) as go:
            go.check()
        child.check()


def test_two_workers_share_the_items(jobs: Queue[Any], log: Path) -> None:
    jobs.put_many([n for n in range(200) if n not in HOPELESS])
    with worker(2, UNTIL) as one, worker(2, UNTIL) as two:
        assert (one.end() in (0, 3), two.end() in (0, 3)) == (True, True)
    assert sorted(int(n) for n in log.read_text().split()) == sorted(set(range(200)) - HOPELESS)


@pytest.mark.parametrize("command", ["true", "sleep 0.1"])
def test_no_room_for_so_many(command: str, run: Run, jobs: Queue[Any]) -> None:
    """Those commands that there is room for are enough; nothing fails because of it. Slow ones take all the room."""
    jobs.put_many(list(range(40)))
    script = f"ulimit -n 24; exec tocsin work jobs -j 30 --until-empty -- {command}"
    assert said(run("sh", "-c", script)) == ""
    assert jobs.stats().unfinished == 0
