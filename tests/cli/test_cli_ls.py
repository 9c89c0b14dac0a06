"""`tocsin ls`: everything in a place, who has it open and who waits, and nothing of it is changed by the look."""

from __future__ import annotations

import json
import os
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from harness.child import Child
from harness.commands import Run, damage, said
from harness.until import until

from tocsin import DataEvent, Event, Lock, Queue, Signal
from tocsin._topic import Topic

if TYPE_CHECKING:
    from collections.abc import Iterator

KINDS = (Event, Signal, DataEvent, Queue, Lock, Topic)


def ls(run: Run, *words: str) -> dict[str, dict[str, Any]]:
    return {row["name"]: row for row in json.loads(said(run("tocsin", "ls", "--json", *words)))}


def picture(place: str) -> dict[str, tuple[int, ...]]:
    """All that a look could have changed, of the place itself too."""
    found = {}
    for folder, _, names in os.walk(place):
        for name in ("", *names):
            about = os.lstat(os.path.join(folder, name))
            found[os.path.join(folder, name)] = (about.st_mtime_ns, about.st_ctime_ns, about.st_size, about.st_ino)
    return found


@pytest.fixture
def everything(place: str) -> Iterator[None]:
    """Every kind of object, in use, damaged, and whatever else may lie in a directory."""
    objects = [kind(kind.__name__.lower()) for kind in KINDS]
    objects[0].own()
    objects[2].signal([1])
    objects[3].put_many(range(5))
    held = objects[3].receive()
    objects[4].acquire()
    objects[5].emit(b"x")
    for kind in KINDS:
        kind(f"damaged/{kind.__name__}").close()
        kind(f"short/{kind.__name__}").close()
        damage(Path(place, "damaged", kind.__name__), 30)
        os.truncate(Path(place, "short", kind.__name__), 300)
        kind(f"wild/{kind.__name__}").close()
        file = Path(place, "wild", kind.__name__)
        file.write_bytes(file.read_bytes()[:40] + os.urandom(file.stat().st_size - 40))
    Path(place, "notes").write_text("somebody's\n" * 999)
    Path(place, "empty").touch()
    os.mkfifo(Path(place, "fifo"))
    Path(place, "link").symlink_to("event")
    Path(place, "loop").symlink_to(".")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"{place}/socket")
        yield
    held.ack()
    objects[4].release()
    for made in objects:
        made.close()


def test_everything_that_may_lie_there(run: Run, place: str, everything: None) -> None:
    before = picture(place)
    rows = ls(run)
    assert picture(place) == before
    assert {rows[kind.__name__.lower()]["kind"] for kind in KINDS} == {
        "event",
        "signal",
        "data",
        "queue",
        "lock",
        "bus",
    }
    assert {row["state"] for name, row in rows.items() if name.startswith(("damaged/", "short/"))} == {"damaged"}
    strangers = ("notes", "empty", "fifo", "link", "loop", "socket")
    assert {rows[name]["state"] for name in strangers} == {"not an object"}
    assert rows["event"]["owned_by"]["pid"] == rows["lock"]["held_by"]["pid"] == os.getpid()
    assert (rows["queue"]["depth"], rows["queue"]["held"], rows["queue"]["state"]) == (4, 1, "4 ready, 1 held")
    (hand,) = rows["queue"]["in_hand"]
    assert (hand["pid"], hand["held"], hand["alive"]) == (os.getpid(), 1, True)
    assert hand["running_since"] == pytest.approx(rows["lock"]["held_by"]["running_since"])
    for name in ("queue", "lock", "event", "topic", "dataevent", "signal"):
        assert os.getpid() in [user["pid"] for user in rows[name]["open"]]


@pytest.mark.parametrize("verb", ["ls", "stat", "status", "top"])
def test_a_look_changes_nothing(verb: str, run: Run, place: str, everything: None) -> None:
    before = picture(place)
    words = {"ls": ["--rate", "0.05"], "top": ["--once", "--interval=0.05"]}
    names = [path[len(place) + 1 :] for path in before if path != place and os.path.isfile(path)]
    result = run("tocsin", verb, *words.get(verb, [name for name in names if not name.startswith(".")]))
    assert "Traceback" not in result.stderr
    assert picture(place) == before


@pytest.mark.parametrize(
    "verb", [["ls"], ["ls", "--json"], ["stat", "x"], ["top", "--once", "--interval=0.05"]], ids=" ".join
)
def test_a_place_that_is_not_there(verb: list[str], run: Run, place: str) -> None:
    missing = Path(place, "none", "here")
    result = run("tocsin", *verb, "--at", str(missing))
    assert result.returncode == (3 if verb[0] == "stat" else 0), result
    assert os.listdir(place) == []


@pytest.mark.parametrize(
    "verb", [["ls"], ["top", "--once", "--interval=0.05"], ["top", "-n2", "--interval=0.05"]], ids=" ".join
)
def test_a_place_that_is_no_directory(verb: list[str], run: Run, place: str) -> None:
    file = Path(place, "file")
    file.touch()
    result = run("tocsin", *verb, "--at", str(file))
    assert (result.returncode, result.stdout) == (3, "")
    assert result.stderr == f"tocsin {verb[0]}: {file}: Not a directory: the place can't be read\n"


def test_an_object_that_was_removed_halfway_stays_as_it_is(run: Run, place: str) -> None:
    """Whoever opens it would finish the removal. A look doesn't."""
    with Event("x"):
        pass
    file = Path(place, "x")
    image = bytearray(file.read_bytes())
    image[64] |= 16
    file.write_bytes(image)
    assert ls(run)["x"]["state"] == "removed"
    assert os.listdir(place) == ["x"]


def test_paths_and_patterns(run: Run, place: str) -> None:
    for name in ("a", "job/1", "job/2", "other"):
        Event(name).close()
    assert list(ls(run, "job/*", "a")) == ["a", "job/1", "job/2"]
    assert list(ls(run, f"{place}/job", "--rate=0.05")) == ["1", "2"]
    assert list(ls(run, f"{place}/o*")) == ["other"]
    assert list(ls(run, f"{place}/job/1")) == ["1"]
    table = said(run("tocsin", "ls", f"{place}/job", f"{place}/a"))
    assert [line.split()[-1] for line in table.splitlines()] == [
        "NAME",
        f"{place}/a",
        f"{place}/job/1",
        f"{place}/job/2",
    ]
    both = run("tocsin", "ls", place, "--at", place)
    assert (both.returncode, both.stdout) == (2, "")


SLEEPERS = {
    "event": "Event('x').wait()",
    "event clear": "e = Event('x'); e.set(); e.wait_clear()",
    "signal": "tocsin.Signal('x').wait()",
    "data": "tocsin.DataEvent('x').wait()",
    "queue": "tocsin.Queue('x').get()",
    "lock": "tocsin.Lock('x').acquire()",
    "asyncio": "import asyncio; asyncio.run(Event('x').wait_async())",
    "wait_any": "tocsin.wait_any(Event('x'), Event('other'))",
    "owned event": "Event('x').wait()",
}


@pytest.mark.parametrize("how", SLEEPERS)
def test_who_waits(how: str, run: Run) -> None:
    made: Any = None
    if how == "lock":
        made = Lock("x")
        made.acquire()
    if how == "owned event":
        made = Event("x")
        made.own()
    with Child(SLEEPERS[how]) as child:
        # Not at once: who waits for a lock or a queue looks for the dead once a second, and does not sleep then.
        until(lambda: _waits(run) == 1, f"{how}: one waits")
        until(lambda: _waits(run, child.pid) == 1, f"{how}: this one waits")
        assert sys.executable in _user(run, child.pid)["command"]
    # Dead: its bits may still be in the word, but nobody is found. Unknown where a process can't be read.
    row = ls(run, "x")["x"]
    assert row["waits"] == 0 or (row["waits"] is None and row["unseen"] != 0)
    assert child.pid not in [user["pid"] for user in row["open"]]
    if how == "lock":
        made.release()


def _waits(run: Run, pid: int | None = None) -> int | None:
    """How many wait for x; or how often this process does."""
    row = ls(run, "x").get("x", {}) if pid is None else _user(run, pid)
    waits: int | None = row.get("waits", -1)
    return waits


def _user(run: Run, pid: int) -> dict[str, Any]:
    (user,) = [user for user in ls(run, "x")["x"]["open"] if user["pid"] == pid]
    found: dict[str, Any] = user
    return found


def test_nobody_waits_who_only_has_it_open(run: Run) -> None:
    with Event("x"), Child("e = Event('x'); say('open'); hear()") as child:
        assert child.hear() == "open"
        row = ls(run)["x"]
        assert row["waits"] == 0
        assert {user["pid"] for user in row["open"]} == {os.getpid(), child.pid}


def test_what_cannot_be_read_is_unknown(run: Run, stranger: list[str], place: str) -> None:
    """A process that the kernel shows to nobody, as it shows another user's to nobody but him and root."""
    os.chmod(place, 0o755)
    hidden = "import ctypes; ctypes.CDLL(None).prctl(4, 0)  # PR_SET_DUMPABLE"
    with Event("x", mode=0o666) as x, Child(f"{hidden}\ne = Event('x', mode=0o666); say('open'); e.wait()") as child:
        child.hear()
        until(lambda: x.stats().sleepers, "it waits")
        (row,) = json.loads(said(run(*stranger, "tocsin", "ls", "--json")))
        assert child.pid not in [user["pid"] for user in row["open"]]
        assert row["waits"] is None
        assert row["unseen"] is None or row["unseen"] >= 1
        text = said(run(*stranger, "tocsin", "stat", "x"))
        assert "waits:      unknown\n" in text
        assert "that can't be seen from here\n" in text


def test_rates_are_of_two_looks(run: Run) -> None:
    with Queue("q", maxsize=0) as q, Event("idle"):
        q.put(1)
        rows = ls(run)
        assert rows["q"]["rate"] is None  # one look can't know
        feeder = Child(
            "q, mine = tocsin.Queue('q'), os.getppid()\nsay('go')\nwhile os.getppid() == mine: q.put(1); q.get()"
        )
        with feeder as child:
            child.hear()

            def moves() -> bool:
                rows = ls(run, "--rate", "0.3")
                assert rows["idle"]["rate"] == 0
                return rows["q"]["rate"] > 0 and rows["q"]["rate_out"] > 0

            until(moves, "what it puts and takes is seen")  # a busy machine may let it do nothing for a while
    assert run("tocsin", "ls", "--rate", "0").returncode == 2
    assert "RATE" in said(run("tocsin", "ls", "--rate", "0.05"))


def test_ten_thousand(run: Run, place: str) -> None:
    Event("x0").close()
    Queue("q").close()
    image = Path(place, "x0").read_bytes()
    for i in range(1, 10_000):
        Path(place, f"x{i}").write_bytes(image)
    rows = ls(run)
    assert len(rows) == 10_001
    assert {row["state"] for row in rows.values()} == {"clear", "0 ready"}


def test_a_file_that_is_cut_short_while_it_is_read(run: Run, place: str) -> None:
    """A mapping would be SIGBUS for who looks; a read is not."""
    with Queue("q") as q:
        q.put(1)
        whole = Path(place, "q").read_bytes()
    script = f"while kill -0 {os.getpid()}; do truncate -s 100 {place}/q; cp {place}/whole {place}/q; done"
    Path(place, "whole").write_bytes(whole)
    with Child.of(["sh", "-c", script]):
        for _ in range(5):
            assert run("tocsin", "ls", "q").returncode == 0
            assert run("tocsin", "stat", "q").returncode in (0, 3)


def test_a_data_event_counts_beyond_its_words_bits(run: Run) -> None:
    with DataEvent("d") as d:
        for i in range(3):
            d.signal(i)
        assert ls(run)["d"]["generation"] == 3


def test_a_bus_tells_how_far_its_listeners_are(run: Run) -> None:
    with Topic("t") as emitter, Topic("t") as listener:
        listener.listen()
        emitter.emit_many([b"a", b"b", b"c"])
        row = ls(run)["t"]
        assert (row["subscribers"], row["behind"], row["retained"]) == (1, 3, 3)
