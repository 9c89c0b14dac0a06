"""status, ls, stat and rm of queues, and what is refused."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from harness.child import Child
from harness.commands import Run, said

from tocsin import Queue

if TYPE_CHECKING:
    from typing import Any


def drain(queue: Queue[Any]) -> list[Any]:
    return queue.get_many(10_000, block=False) if queue.qsize() else []


def test_looking_at_a_queue(run: Run, place: str, jobs: Queue[Any]) -> None:
    jobs.put_many(["a", "b", "c"])
    held = jobs.receive()
    before = sorted(os.listdir(place))
    assert said(run("tocsin", "status", "jobs")) == "jobs: 2 ready, 1 held\n"
    (row,) = json.loads(said(run("tocsin", "ls", "--json")))
    assert (row["kind"], row["state"], row["ready"], row["held"], row["generation"]) == (
        "queue",
        "2 ready, 1 held",
        2,
        1,
        3,
    )
    (row,) = json.loads(said(run("tocsin", "stat", "jobs", "--json")))
    assert (row["kind"], row["ready"], row["delayed"], row["held"], row["maxsize"], row["codec"]) == (
        "queue",
        2,
        0,
        1,
        0,
        "json",
    )
    assert "jobs" in said(run("tocsin", "ls"))
    assert sorted(os.listdir(place)) == before
    held.ack()
    drain(jobs)
    assert said(run("tocsin", "status", "jobs"), 1) == "jobs: 0 ready\n"
    assert said(run("tocsin", "status", "none"), 1) == "none: not there\n"
    jobs.shutdown()
    assert said(run("tocsin", "status", "jobs"), 1) == "jobs: 0 ready, shut down\n"


def test_removing_a_queue_leaves_nothing(run: Run, place: str) -> None:
    with Queue("gone") as queue:
        queue.put_many(["x" * 10_000] * 200)
        queue.fileno()
        with Child.of(["tocsin", "get", "gone2"]) as waiter:
            waiter.until_asleep()
            said(run("tocsin", "rm", "gone2"))
            assert waiter.end() == 3
            assert len(waiter.errors().splitlines()) == 1
        said(run("tocsin", "rm", "gone"))
    assert [name for name in os.listdir(place) if "gone" in name or "gone2" in name] == []


WRONG = {
    "put, no name": (["put"], 2, "NAME"),
    "get, two names": (["get", "a", "b"], 2, "b"),
    "count": (["get", "x", "--count", "0"], 2, "count"),
    "count, no number": (["receive", "x", "--count", "many"], 2, "count"),
    "maxsize": (["put", "x", "1", "--maxsize", "-1"], 2, "limit"),
    "delay": (["receive", "x", "--delay", "-1", "--", "cat"], 2, "delay"),
    "delay, for ever": (["receive", "x", "--delay", "inf", "--", "cat"], 2, "delay"),
    "timeout": (["get", "x", "--timeout", "soon"], 2, "timeout"),
    "an event": (["get", "event"], 3, "kind"),
    "put into an event": (["put", "event", "1"], 3, "kind"),
    "no-create": (["get", "none", "--no-create"], 3, "none"),
    "too large a number": (["put", "x", "1e999"], 2, "no JSON"),
    "another place": (["put", "x", "1", "--at", "redis://h"], 3, "redis://h"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_queue_calls(case: str, run: Run, place: str) -> None:
    assert run("evt_set", "event").returncode == 0
    words, code, says = WRONG[case]
    result = run("tocsin", *words)
    assert (result.returncode, result.stdout) == (code, ""), result
    assert len(result.stderr.splitlines()) == 1, result.stderr
    assert says in result.stderr
    assert [name for name in os.listdir(place) if name[0] != "."] == ["event"]


def test_rm_finds_what_a_cleaner_left(run: Run, place: str) -> None:
    with Queue("lost") as queue, Queue("lost.other") as other:
        queue.put("x")
        other.put("y")
        os.unlink(Path(place, "lost"))  # its segments stay behind
    assert [name for name in os.listdir(place) if name.startswith(".lost.") and "other" not in name]
    said(run("tocsin", "rm", "-f", "lost"))
    assert not [name for name in os.listdir(place) if name.startswith(".lost.") and "other" not in name]
    assert said(run("tocsin", "get", "lost.other")) == '"y"\n'
