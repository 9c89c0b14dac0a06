"""`tocsin stat`: all about one object; who holds it, or what of it, and since when at the earliest."""

from __future__ import annotations

import json
import os
import re
from typing import TYPE_CHECKING, Any

import pytest
from harness.child import Child
from harness.commands import Run, said

from tocsin import DataEvent, Event, Lock, Queue, Signal
from tocsin._topic import Topic

if TYPE_CHECKING:
    from collections.abc import Callable


def stat(run: Run, *words: str) -> dict[str, Any]:
    (row,) = json.loads(said(run("tocsin", "stat", "--json", *words)))
    found: dict[str, Any] = row
    return found


#: What stat says, and what the object's own stats() do.
SAME: dict[str, tuple[type, Callable[[Any], object], dict[str, str]]] = {
    "event": (Event, lambda o: o.set(), {"generation": "generation"}),
    "signal": (Signal, lambda o: o.signal(), {"generation": "count"}),
    "data": (DataEvent, lambda o: o.signal([1, 2]), {"generation": "version"}),
    "queue": (
        Queue,
        lambda o: o.put_many(range(5)),
        {key: key for key in ("ready", "delayed", "held", "unfinished", "bytes", "maxsize", "max_deliveries", "codec")},
    ),
    "bus": (Topic, lambda o: o.emit(b"x"), {"generation": "emits", "max_bytes": "max_bytes"}),
    "lock": (Lock, lambda o: o.locked(), {}),  # `with` has taken it
}


@pytest.mark.parametrize("kind", SAME)
def test_it_agrees_with_stats(kind: str, run: Run) -> None:
    cls, act, same = SAME[kind]
    with cls("x") as made:
        act(made)
        mine, row = made.stats(), stat(run, "x")
        assert (row["kind"], row["path"], row["mode"]) == (kind, made.path, "0600")
        assert (row["id"], row["created"]) == (f"{mine.id:016x}", mine.created)
        for theirs, ours in same.items():
            assert row[theirs] == getattr(mine, ours), theirs
        text = said(run("tocsin", "stat", "x"))
        assert re.search(rf"^open by: +pid {os.getpid()} ", text, re.MULTILINE)


def test_what_is_in_hand_and_whose(run: Run) -> None:
    script = "q = tocsin.Queue('q'); mine = [q.receive() for _ in range(3)]; q.get(); say('has'); hear()"
    with Queue("q") as q:
        q.put_many(range(10))
        with Child(script) as child:
            child.hear()
            (hand,) = stat(run, "q")["in_hand"]
            assert {key: hand[key] for key in ("pid", "held", "taken", "alive")} == {
                "pid": child.pid,
                "held": 3,
                "taken": 1,
                "alive": True,
            }
            assert hand["running_since"] > 1.6e9
            text = said(run("tocsin", "stat", "q"))
            assert re.search(
                rf"^in hand: +3 received, 1 got and not reported by task_done by pid {child.pid} ", text, re.MULTILINE
            )
        # It was killed. Nobody has looked since, so the queue still has it in its books; the kernel knows better.
        (hand,) = stat(run, "q")["in_hand"]
        assert (hand["pid"], hand["alive"], hand["held"]) == (None, False, 3)
        assert "which died" in said(run("tocsin", "stat", "q"))


def test_who_held_it_is_told_after_his_death(run: Run) -> None:
    with Child("l = tocsin.Lock('l'); l.acquire(); say('held'); hear()") as child:
        child.hear()
        row = stat(run, "l")
        assert (row["state"], row["held_by"]["pid"], row["held_by"]["alive"]) == ("held", child.pid, True)
        assert row["held_by"]["running_since"] > 1.6e9
        child.kill()
        row = stat(run, "l")
        assert (row["state"], row["held_by"]["alive"], row["held_by"]["running_since"]) == ("abandoned", False, None)


def test_rate(run: Run) -> None:
    with Event("x"):
        assert stat(run, "x")["rate"] is None
        assert stat(run, "x", "--rate", "0.05")["rate"] == 0


def test_what_is_not_there_or_damaged(run: Run, place: str) -> None:
    Event("cut").close()
    os.truncate(f"{place}/cut", 200)
    os.mkfifo(f"{place}/fifo")
    os.symlink("cut", f"{place}/link")
    for name in ("none", "cut", "fifo", "link", "none/below"):
        result = run("tocsin", "stat", name)
        assert (result.returncode, result.stdout) == (3, "")
        assert len(result.stderr.splitlines()) == 1
        assert name in result.stderr
    assert run("tocsin", "stat", "bad name").returncode == 2
