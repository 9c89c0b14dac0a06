"""A lock as the commands show it: who holds it, and that nobody does."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from harness.holder import Holder
from harness.until import until

from tocsin import Lock

if TYPE_CHECKING:
    from harness.commands import Run


def test_status_ls_and_stat_name_the_holder(run: Run, place: str) -> None:
    lock = Lock("db/migrate", at=place)
    result = run("tocsin", "status", "db/migrate")
    assert (result.returncode, result.stdout) == (1, "db/migrate: free\n")
    with lock:
        result = run("tocsin", "status", "db/migrate")
        assert result.returncode == 0
        assert result.stdout.startswith(f"db/migrate: held, held by pid {os.getpid()} (")
        row = json.loads(run("tocsin", "ls", "--json").stdout)[0]
        assert (row["kind"], row["state"], row["held_by"]["pid"]) == ("lock", "held", os.getpid())
        stat = run("tocsin", "stat", "db/migrate").stdout
        assert f"{os.getpid()} (" in stat
        assert "lock" in stat
    assert json.loads(run("tocsin", "stat", "db/migrate", "--json").stdout)[0]["held_by"] is None
    lock.close()


def test_the_dead_are_named_until_somebody_follows(run: Run, place: str) -> None:
    lock = Lock("x", at=place)
    with Holder(lock) as holder:
        holder.end("SIGKILL")
        until(lambda: not lock.locked(), "its death is seen")
        result = run("tocsin", "status", "x")
        assert result.returncode == 1
        assert result.stdout.startswith(f"x: abandoned, held by pid {holder.pid} (")
        assert result.stdout.endswith("which died\n")
    with lock:
        assert lock.abandoned
    assert run("tocsin", "status", "x").stdout == "x: free\n"
    lock.close()


def test_rm_takes_it_and_its_bell_away(run: Run, place: str) -> None:
    with Lock("x", at=place) as lock:
        assert run("tocsin", "rm", "x").returncode == 0
    lock.close()
    assert [name for name in os.listdir(place) if name.startswith(("x", ".x"))] == []
