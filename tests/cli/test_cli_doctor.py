"""`tocsin doctor`: each thing that it finds is provoked where that can be done, and every line says what to do."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from harness.child import Child
from harness.state import until_state

from tocsin import Lock, Queue
from tocsin.cli._books import Books

if TYPE_CHECKING:
    import subprocess

    from harness.commands import Run, Shell


def levels(result: subprocess.CompletedProcess[str], code: int) -> dict[str, dict[str, str]]:
    """The checks by name; of several of one name, the last."""
    assert (result.returncode, result.stderr) == (code, ""), result
    report = json.loads(result.stdout)
    assert report["fit"] is (code == 0)
    for check in report["checks"]:
        assert check["level"] in ("ok", "warn", "fail")
        assert check["mend"] or check["level"] == "ok", check
    return {check["name"]: check for check in report["checks"]}


def test_a_fit_place_and_nothing_left_in_it(run: Run, place: str) -> None:
    found = levels(run("tocsin", "doctor", "--json"), 0)
    for name in ("edge per close", "edge per death", "wake", "death frees", "place", "stopped", "file size"):
        assert found[name]["level"] == "ok", found[name]
    assert {"watches", "watchers", "container", "room", "file system"} <= set(found)
    assert os.listdir(place) == []


def test_where_warnings_are_errors(run: Run, place: str) -> None:
    levels(run("env", "PYTHONWARNINGS=error", "tocsin", "doctor", "--json", "--at", place), 0)


def test_few_descriptors(shell: Shell) -> None:
    found = levels(shell("ulimit -n 200 && tocsin doctor --json"), 0)["descriptors"]
    assert (found["level"], found["found"]) == ("warn", "200 for a process")
    assert "ulimit -n" in found["mend"]
    text = shell("ulimit -n 200 && tocsin doctor").stdout
    assert text.endswith("This machine is fit, with warnings.\n")


def test_small_files(shell: Shell) -> None:
    found = levels(shell("ulimit -f 2000 && tocsin doctor --json"), 0)["file size"]
    assert found["level"] == "warn"
    assert "ulimit -f unlimited" in found["mend"]


def test_so_few_descriptors_that_nothing_can_be_tried(shell: Shell) -> None:
    """It may not be able to say much; but it ends, by itself, with a line."""
    result = shell("ulimit -n 5 && tocsin doctor")
    assert result.returncode in (1, 2, 3)
    assert result.stderr or "fail" in result.stdout


@pytest.mark.parametrize("what", ["none", "file", "user's, open", "link to nowhere"])
def test_a_place_that_is_none(what: str, run: Run, place: str) -> None:
    at = f"{place}/there"
    if what == "file":
        Path(at).touch()
    elif what == "link to nowhere":
        Path(at).symlink_to("nowhere")
    elif what == "user's, open":
        Path(at).mkdir()
        Path(at).chmod(0o777)
    found = levels(run("tocsin", "doctor", "--json", "--at", at), 0 if what == "user's, open" else 3)
    assert found["place"]["level"] == ("warn" if what == "user's, open" else "fail")
    assert at in found["place"]["found"]
    assert sorted(os.listdir(place)) == ([] if what == "none" else ["there"])


def test_a_place_that_cannot_be_written(run: Run, place: str, stranger: list[str]) -> None:
    inner = Path(place, "inner")
    inner.mkdir()
    inner.chmod(0o555)
    Path(place).chmod(0o755)
    found = levels(run(*stranger, "tocsin", "doctor", "--json", "--at", str(inner)), 3)
    assert found["place"]["level"] == "fail"
    assert "can't be written" in found["place"]["found"]
    assert found["proofs"]["level"] == "fail"
    assert list(inner.iterdir()) == []


# -- what needs a mount, in a namespace of its own

_MOUNT = 'mount -t tmpfs -o {options} small "$0" && exec tocsin doctor --json --at "$0"'


@pytest.fixture
def mounted(run: Run, place: str) -> Any:
    probe = run("unshare", "-rm", "mount", "-t", "tmpfs", "none", place)
    if probe.returncode:
        pytest.skip(f"no namespace with a mount of its own may be made here: {probe.stderr.strip()}")
    return lambda options: run("unshare", "-rm", "sh", "-c", _MOUNT.format(options=options), place)


def test_a_small_file_system(mounted: Any) -> None:
    found = levels(mounted("size=2m,mode=700"), 0)["room"]
    assert found["level"] == "warn"
    assert "of 2 MiB free" in found["found"]
    assert "--shm-size" in found["mend"]


def test_few_inodes(mounted: Any) -> None:
    assert levels(mounted("size=64m,nr_inodes=200,mode=700"), 0)["room"]["level"] == "warn"


def test_a_read_only_file_system(mounted: Any, place: str) -> None:
    found = levels(mounted("ro,mode=700"), 3)
    assert found["place"]["level"] == "fail"
    assert found["proofs"]["level"] == "fail"
    assert os.listdir(place) == []


# -- processes that are stopped


def _stop(child: Child) -> None:
    child.signal(signal.SIGSTOP)
    until_state(child.pid, "T")


def _owner_of(pid: int) -> int:
    """By which byte of the owners' file that process lives."""
    books = Books(())
    books.pid_of(0)
    assert books._pids is not None
    return next(owner for owner, whose in books._pids.items() if whose == pid)


def test_a_stopped_process_that_holds_a_lock(run: Run) -> None:
    with Child('lock = tocsin.Lock("l"); lock.acquire(); say("has it"); hear()') as child:
        assert child.hear() == "has it"
        assert levels(run("tocsin", "doctor", "--json"), 0)["stopped"]["level"] == "ok"
        _stop(child)
        found = levels(run("tocsin", "doctor", "--json"), 0)["stopped"]
        assert found["level"] == "warn"
        assert f"pid {child.pid}" in found["found"]
        assert "lock 'l'" in found["found"]
        assert f"kill -CONT {child.pid}" in found["mend"]
        child.signal(signal.SIGCONT)
        child.say()
        child.check()
    assert levels(run("tocsin", "doctor", "--json"), 0)["stopped"]["level"] == "ok"
    Lock("l").close()


def test_a_stopped_process_inside_the_short_lock(run: Run, place: str) -> None:
    """Nobody is stopped in these 200 ns on request: the word in the queue's file is written by us."""
    with Child('queue = tocsin.Queue("q"); queue.put(1); d = queue.receive(); say("has it"); hear(); d.ack()') as child:
        assert child.hear() == "has it"
        _stop(child)
        found = levels(run("tocsin", "doctor", "--json"), 0)["stopped"]
        assert (found["level"], "items of queue 'q'" in found["found"]) == ("warn", True)
        owner = _owner_of(child.pid)
        with open(Path(place, "q"), "r+b", buffering=0) as file:
            os.pwrite(file.fileno(), (owner << 2).to_bytes(8, "little"), 192)
            report = run("tocsin", "doctor")
            assert report.returncode == 3
            assert f"pid {child.pid}" in report.stdout
            assert "the short lock of queue 'q'" in report.stdout
            assert f"kill -CONT {child.pid}" in report.stdout
            # A check holds up nobody, and is held up by nobody.
            assert run("tocsin", "check", "q").stdout == "1 object: sound\n"
            os.pwrite(file.fileno(), bytes(8), 192)
        child.signal(signal.SIGCONT)
        child.say()
        child.check()
    with Queue[int]("q") as queue:
        assert queue.empty()


def test_a_place_with_damaged_files(run: Run, place: str) -> None:
    with Queue[int]("q") as queue:
        queue.put(1)
    os.truncate(Path(place, "q"), 250)
    os.mkfifo(Path(place, "fifo"))
    assert levels(run("tocsin", "doctor", "--json"), 0)["stopped"]["level"] == "ok"
