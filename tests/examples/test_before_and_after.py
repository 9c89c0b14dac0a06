"""Three habits, before and after: both run, and what happens to each when somebody is killed in the middle."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from harness.child import Child
from harness.until import until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Start = Callable[..., Child]

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "docs/examples"
PAGE = ROOT / "docs/howto/before-and-after.md"
WHEN = ("before", "after")


@pytest.fixture(params=WHEN)
def when(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def start(tmp_path: Path, place: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Start an example in the test's directory; with it are gone the processes that it started."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TOCSIN_AT", place)
    monkeypatch.setenv("PATH", os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    with contextlib.ExitStack() as stage:

        def begin(example: str, *arguments: str) -> Child:
            program = [sys.executable] if example.endswith(".py") else ["sh"]
            command = [*program, str(EXAMPLES / example), *arguments]
            child = stage.enter_context(Child.of(command, start_new_session=True))
            stage.callback(end_group, child.pid)
            return child

        yield begin


def end_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


# ---- a file that says that something is ready


def test_ready(start: Start, when: str, tmp_path: Path) -> None:
    """Two wait; one comes late."""
    (tmp_path / "source").write_text("one\ntwo\n")
    waiters = [start(f"ready/{when}/import.sh") for _ in range(2)]
    assert start(f"ready/{when}/fetch.sh", "source").check() == ""
    for waiter in [*waiters, start(f"ready/{when}/import.sh")]:
        assert waiter.check().strip() == "2"


def test_what_was_to_be_ready_fails(start: Start, when: str) -> None:
    """Before, nobody is told: it looks for ever."""
    waiter = start(f"ready/{when}/import.sh")
    assert start(f"ready/{when}/fetch.sh", "missing").end() == 1
    if when == "before":
        assert not Path("ready").exists()
        assert waiter.process.poll() is None
    else:
        assert waiter.end() == 4
        assert "ready: its owner died" in waiter.errors()


def test_what_was_ready_yesterday_is_not_ready_today(start: Start, tmp_path: Path) -> None:
    """`tocsin run` clears it before its command starts."""
    (tmp_path / "source").write_text("one\n")
    assert start("ready/after/fetch.sh", "source").check() == ""
    assert start("ready/after/import.sh").check().strip() == "1"
    assert start("ready/after/fetch.sh", "missing").end() == 1
    assert start("ready/after/import.sh").end() == 4


# ---- a lock file


def test_count(start: Start, when: str, tmp_path: Path) -> None:
    (tmp_path / "number").write_text("0\n")
    counters = [start(f"count/{when}/count.py", "number") for _ in range(8)]
    assert sorted(int(counter.check()) for counter in counters) == list(range(1, 9))
    assert (tmp_path / "number").read_text() == "8\n"


def test_somebody_is_killed_while_he_has_the_lock(start: Start, when: str, tmp_path: Path) -> None:
    """A pipe in place of the number: whoever reads it holds the lock, and stays."""
    os.mkfifo(tmp_path / "stays")
    (tmp_path / "number").write_text("7\n")
    holder = start(f"count/{when}/count.py", "stays")
    writer = opened_by_a_reader(tmp_path / "stays")
    holder.kill()
    os.close(writer)
    follower = start(f"count/{when}/count.py", "number")
    if when == "before":
        assert (tmp_path / "count.lock").exists(), "the lock is there, and its holder is not"
        naps(follower)
        assert (tmp_path / "number").read_text() == "7\n"
    else:
        assert follower.end() == 0
        assert follower.rest == "8\n"
        assert "somebody died in here" in follower.errors()


def opened_by_a_reader(fifo: Path) -> int:
    """A pipe can be opened for writing, without waiting, as soon as somebody reads it."""
    found: list[int] = []

    def attempt() -> bool:
        with contextlib.suppress(OSError):
            found.append(os.open(fifo, os.O_WRONLY | os.O_NONBLOCK))
        return bool(found)

    until(attempt, f"somebody reads {fifo.name}")
    return found[0]


def naps(child: Child) -> None:
    """It has looked, and sleeps: clock_nanosleep (x86_64: 230, aarch64: 115)."""
    call = Path(f"/proc/{child.pid}/syscall")
    until(lambda: call.read_text().split()[0] in ("230", "115"), "it naps")


# ---- a directory of jobs


def test_jobs(start: Start, when: str, tmp_path: Path) -> None:
    """Three workers, sixty jobs: each once."""
    names = [f"file{number}" for number in range(60)]
    for number, name in enumerate(names):
        (tmp_path / name).write_text("line\n" * number)
    workers = [start(f"jobs/{when}/work.py") for _ in range(3)]
    for half in (names[:30], names[30:]):
        assert start(f"jobs/{when}/put.py", *half).check() == ""
    assert Counter(lines_of(workers, 60)) == Counter(f"file{number} {number}" for number in range(60))


def lines_of(workers: list[Child], count: int) -> list[str]:
    """`count` lines of whoever says them."""
    found: list[str] = []

    def more() -> bool:
        for worker in workers:
            os.set_blocking(worker.process.stdout.fileno(), False)
            worker._heard += worker.process.stdout.read() or b""
            while b"\n" in worker._heard:
                found.append(worker.hear())
        return len(found) >= count

    until(more, f"{count} lines")
    return found


def test_a_worker_is_killed_with_a_job_in_hand(start: Start, when: str, tmp_path: Path) -> None:
    """Its file is a pipe, so it stays at it."""
    os.mkfifo(tmp_path / "stays")
    worker = start(f"jobs/{when}/work.py")
    assert start(f"jobs/{when}/put.py", "stays").check() == ""
    writer = opened_by_a_reader(tmp_path / "stays")
    worker.kill()
    os.close(writer)
    os.unlink(tmp_path / "stays")
    (tmp_path / "stays").write_text("one\n")
    (tmp_path / "next").write_text("one\ntwo\n")
    other = start(f"jobs/{when}/work.py")
    if when == "before":
        assert start(f"jobs/{when}/put.py", "next").check() == ""
        assert other.hear() == "next 2"
        until(lambda: len(os.listdir("jobs")) == 1, "the other job's file is gone")
        (left,) = (tmp_path / "jobs").iterdir()
        assert "stays" in left.read_text()
        assert left.name.endswith(".taken"), "nobody does it any more"
    else:
        assert other.hear() == "stays 1"


# ---- the page


def test_the_page_shows_the_examples() -> None:
    """Every file, as it is: shells whole, Python without what every file begins with."""
    page = PAGE.read_text()
    shown = re.findall(r"^```(?:sh|python)\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    for path in sorted(EXAMPLES.glob("*/*/*")):
        text = path.read_text()
        body = text.split("from __future__ import annotations\n\n", 1)[-1].removeprefix("#!/bin/sh\n")
        assert any(body in block for block in shown), f"{path.relative_to(EXAMPLES)} isn't in the page"
        assert str(path.relative_to(EXAMPLES).parent) in page


def test_the_index_names_every_example() -> None:
    index = (EXAMPLES / "README.md").read_text()
    assert set(re.findall(r"\]\((\w+)\)", index)) == {path.name for path in EXAMPLES.iterdir() if path.is_dir()}
