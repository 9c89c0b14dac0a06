"""The pool and its queue: what a killed worker had in hand comes back, and counts once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tarfile
from typing import TYPE_CHECKING

import pytest
from demo_runs import DEMO, demo, environment, left_behind
from demo_tree import SLOW_BATCHES, make_slow

from tocsin import Event, Queue
from tocsin.demo.deliveries import Back, Deliveries
from tocsin.demo.items import FOUND, JOBS, Found, Job

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def slow_tree(tmp_path: Path) -> Path:
    return make_slow(tmp_path / "slow")


def test_what_a_killed_worker_held_is_delivered_again_and_the_result_is_right(tmp_path: Path, slow_tree: Path) -> None:
    ended = demo(tmp_path, str(slow_tree), "--json")
    assert (ended.returncode, ended.stderr) == (0, "")
    said = json.loads(ended.stdout)
    assert said["events"]["digest"] == said["plain"]["digest"]
    killed, queue = said["events"]["kill"], said["queue"]
    assert killed["signal"] == "SIGKILL"
    assert killed["after"] >= SLOW_BATCHES // 2
    assert killed["held"]
    again = {back["batch"]: back for back in queue["redelivered"]}
    assert set(killed["held"]) <= set(again)
    for back in again.values():
        assert back["attempt"] == 2
        assert back["worker"] != killed["worker"]
        assert back["seconds"] > 0
    assert queue["items"] == SLOW_BATCHES
    assert queue["deliveries"] == SLOW_BATCHES + len(again)
    assert left_behind(tmp_path) == []


def test_lines_when_it_is_piped(tmp_path: Path, slow_tree: Path) -> None:
    ended = demo(tmp_path, str(slow_tree))
    assert (ended.returncode, ended.stderr) == (0, "")
    shown = ended.stdout
    assert shown.count("parse: SIGKILL after") == 2
    assert shown.count(" in hand; worker ") == 1  # with the queue, a new one
    assert shown.count("; it is started again\n") == 1  # with polling
    assert ": attempt 2, to worker " in shown
    assert "The queue between the C program and the workers" in shown
    assert "by SIGKILL, with batch" in shown
    assert shown.count("equal to plain") == 2
    assert "\x1b" not in shown


def test_ctrl_c_just_after_the_kill_leaves_nothing(tmp_path: Path, slow_tree: Path) -> None:
    with subprocess.Popen(
        [*DEMO, str(slow_tree)],
        env=environment(tmp_path, PYTHONUNBUFFERED="1"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        for line in process.stdout:
            if "parse: SIGKILL after" in line:
                process.send_signal(signal.SIGINT)
                break
        process.stdout.read()
        said = process.stderr.read()
    assert (process.returncode, said) == (130, "demo: stopped by SIGINT; nothing is left behind\n")
    assert left_behind(tmp_path) == []


@pytest.fixture
def at(tmp_path: Path) -> Path:
    """The place of a pipeline without its parent, beside the folders for its files."""
    for folder in ("events", "list", "archive", "hash", "report"):
        (tmp_path / folder).mkdir()
    return tmp_path / "events"


def stage(tmp_path: Path, module: str, *words: str) -> subprocess.CompletedProcess[str]:
    """One process of the pipeline alone."""
    return subprocess.run(
        [sys.executable, "-P", "-m", f"tocsin.demo.{module}", *words],
        cwd=tmp_path,
        env={**os.environ, "TOCSIN_AT": str(tmp_path / "events")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def given_back(at: Path) -> Queue[Job]:
    """A queue with batch 0 in it, which somebody had in hand before."""
    jobs = Queue(JOBS, type=Job, at=at)
    jobs.put(Job(0))
    jobs.receive().nack()
    jobs.shutdown()
    return jobs


def test_a_worker_reports_what_another_had_begun(tmp_path: Path, at: Path) -> None:
    (tmp_path / "a.py").write_text("import os\n")
    with tarfile.open(tmp_path / "archive" / "0", "w") as tar:
        tar.add(tmp_path / "a.py", "a.py")
    with given_back(at) as jobs:
        ended = stage(tmp_path, "worker")
        assert (ended.returncode, ended.stderr) == (0, "")
        assert jobs.stats().held == 0
    with Queue(FOUND, type=Found, at=at) as found:
        assert found.get(timeout=0) == Found(0, [[1, 0, 0, 1]])
        assert found.empty()


def test_a_worker_acks_what_its_predecessor_had_handed_on_before_it_died(tmp_path: Path, at: Path) -> None:
    """Its result is reported, and so its archive is gone."""
    (tmp_path / "report" / "0").write_text("{}")
    with given_back(at) as jobs:
        ended = stage(tmp_path, "worker")
        assert (ended.returncode, ended.stderr) == (0, "")
        assert "announced 0 " in ended.stdout
        assert (jobs.qsize(), jobs.stats().held) == (0, 0)
    with Queue(FOUND, type=Found, at=at) as found:
        assert found.empty()


def test_a_worker_without_an_archive_fails_and_the_item_is_not_lost(tmp_path: Path, at: Path) -> None:
    with Queue(JOBS, type=Job, at=at) as jobs:
        jobs.put(Job(0))
        ended = stage(tmp_path, "worker")
        assert ended.returncode == 1
        assert "FileNotFoundError" in ended.stderr
        delivery = jobs.receive(timeout=30)
        assert delivery.item == Job(0)
        assert delivery.attempt > 1
        delivery.ack()


def test_the_report_takes_each_batch_once_however_often_it_comes(tmp_path: Path, at: Path) -> None:
    with Queue(FOUND, type=Found, at=at) as found:
        found.put_many([Found(1, [None]), Found(1, [None]), Found(0, [[4, 3, 2, 1]])])
    for batch in (0, 1):
        (tmp_path / "list" / str(batch)).write_text(f"./{batch}.py\n")
        (tmp_path / "hash" / str(batch)).write_text("abc 7\n")
        with Event(f"hash/{batch}", at=at) as event:
            event.set()
    ended = stage(tmp_path, "report", "events", "2")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "repeated 1\n" in ended.stdout
    assert json.loads((tmp_path / "result").read_text()) == {
        "./0.py": ["abc", 7, 4, 3, 2, 1],
        "./1.py": ["abc", 7, None, None, None, None],
    }
    with Queue(JOBS, at=at, create=False) as jobs:
        assert jobs.is_shutdown


def test_a_worker_holds_what_it_received_until_it_says_that_it_is_done() -> None:
    seen = Deliveries()
    assert seen.enter("worker 1", "received 4 1 500") is None
    assert seen.enter("worker 1", "received 5 1 600") is None
    assert seen.enter("worker 2", "received 6 1 650") is None
    assert seen.enter("worker 1", "done 4") is None
    assert seen.held_by("worker 1") == (5,)
    seen.killed_at = 1_000_000_000
    assert seen.enter("worker 2", "received 5 2 1900000000") == Back(5, 2, "worker 2", 0.9)
    assert (seen.count, seen.repeated) == (4, 0)
