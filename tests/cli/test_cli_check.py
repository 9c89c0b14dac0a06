"""`tocsin check`: sound is sound, also while it is used; what is damaged is named with what and the mend; nothing is
made or changed without --repair, and with it only what can be put right without losing anything."""

from __future__ import annotations

import json
import os
import shutil
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from harness.child import Child
from harness.commands import Run, damage, said

import tocsin
from tocsin import DataEvent, Event, Lock, Queue, Signal
from tocsin._topic import Topic

if TYPE_CHECKING:
    from collections.abc import Callable

KINDS = ["event", "signal", "data", "queue", "lock", "bus"]
OWNERS = ".tocsin.owners"


@pytest.fixture
def everything(place: str) -> str:
    """One of each kind, each named as its kind is, and with something in it; closed."""
    with Event("event") as event, Event("deep/event") as deep:
        event.fileno()
        event.set()
        deep.set()
    with Signal("signal") as signal, DataEvent[Any]("data") as data, Queue[Any]("queue") as queue, Topic("bus") as bus:
        signal.signal()
        data.signal("x" * 20_000)
        queue.put_many([{"id": n, "text": "x" * 300} for n in range(200)])
        queue.get()
        bus.emit_many([b"x" * 500] * 100)
    with Lock("lock"):
        pass
    return place


def report(run: Run, *words: str, code: int) -> dict[str, Any]:
    result = run("tocsin", "check", *words, "--json")
    assert (result.returncode, result.stderr) == (code, ""), result
    found = json.loads(result.stdout)
    assert found["sound"] is (code == 0)
    return found


def state_of(place: str) -> dict[str, tuple[float, ...]]:
    """Everything that a change would change."""
    found = {}
    for folder, _, names in os.walk(place):
        for name in (*names, "."):
            at = os.lstat(os.path.join(folder, name))
            found[os.path.join(folder, name)] = (at.st_ino, at.st_mode, at.st_size, at.st_mtime_ns, at.st_ctime_ns)
    return found


def image(place: str) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in Path(place).rglob("*") if path.is_file()}


def test_what_is_sound(run: Run, everything: str) -> None:
    before, bytes_before = state_of(everything), image(everything)
    assert said(run("tocsin", "check")) == f"7 objects at {everything}: sound\n"
    assert said(run("tocsin", "check", "--all")) == f"7 objects at {everything}: sound\n"
    assert said(run("tocsin", "check", *KINDS)) == "6 objects: sound\n"
    assert report(run, "queue", code=0) == {"sound": True, "objects": 1, "findings": []}
    assert state_of(everything) == before
    assert image(everything) == bytes_before


def test_a_place_that_is_not_there_is_sound_and_stays_so(run: Run, place: str) -> None:
    assert said(run("tocsin", "check", "--at", f"{place}/none")) == f"0 objects at {place}/none: sound\n"
    assert said(run("tocsin", "check", "--at", f"{place}/none", "--repair")) == f"0 objects at {place}/none: sound\n"
    assert os.listdir(place) == []
    Path(place, "file").touch()
    result = run("tocsin", "check", "--at", f"{place}/file")
    assert (result.returncode, result.stdout) == (3, "")
    assert "not a directory" in result.stderr


def test_repair_leaves_what_is_sound(run: Run, everything: str) -> None:
    assert said(run("tocsin", "check", "--repair")) == f"7 objects at {everything}: sound\n"
    with Queue[Any]("queue") as queue, DataEvent[Any]("data") as data:
        assert [queue.get_nowait()["id"] for _ in range(199)] == list(range(1, 200))
        assert data.latest() == "x" * 20_000


def test_wrong_calls(run: Run, place: str) -> None:
    for words in (["a", "--all"], ["../a"], ["--salvage"], ["--at", "nowhere"]):
        result = run("tocsin", "check", *words)
        assert (result.returncode, result.stdout) == (2, ""), words
        assert len(result.stderr.splitlines()) == 1
    result = run("tocsin", "check", "none")
    assert result.returncode == 3
    assert "'none'" in result.stderr
    assert place in result.stderr
    assert os.listdir(place) == []


def test_a_queue_that_is_used_is_sound(run: Run, place: str) -> None:
    code = """
        from tocsin import Queue
        with Queue("jobs") as queue:
            say("go")
            while True:
                queue.put_many(["x" * 200] * 50)
                for _ in range(49):
                    queue.get()
                with queue.receive() as delivery:
                    pass
    """
    with Child(code) as one, Child(code) as other:
        assert one.hear() == other.hear() == "go"
        for _ in range(5):
            assert said(run("tocsin", "check", "jobs")) == "1 object: sound\n"
            assert said(run("tocsin", "check", "jobs", "--repair")) == "1 object: sound\n"
        one.kill()
        assert said(run("tocsin", "check")) == f"1 object at {place}: sound\n"


def _cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def _into(make: Callable[[Path], object]) -> Callable[[Path], None]:
    def replace(path: Path) -> None:
        path.unlink()
        make(path)

    return replace


#: How it is damaged, and what is said of it. A folder is a folder, and no object at all.
DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "head": (lambda path: damage(path, 20), "its head is damaged"),
    "magic": (lambda path: damage(path, 2), "does not begin as an object does"),
    "cut": (_cut, "cut"),
    "cut short": (lambda path: os.truncate(path, 50), "shorter than the head"),
    "empty": (lambda path: os.truncate(path, 0), "shorter than the head"),
    "fifo": (_into(os.mkfifo), "no regular file"),
    "link": (_into(lambda path: path.symlink_to("deep/event")), "a link"),
    "stranger": (_into(lambda path: path.write_text("somebody's\n" * 999)), "does not begin"),
    "unused bytes": (lambda path: damage(path, 80), "not zero"),
}


@pytest.mark.parametrize("how", DAMAGES)
def test_damage_is_named(how: str, run: Run, everything: str) -> None:
    harm, words = DAMAGES[how]
    for kind in KINDS:
        harm(Path(everything, kind))
    found = report(run, *KINDS, code=1)["findings"]
    assert [finding["name"] for finding in found] == KINDS
    for finding in found:
        assert words in finding["what"]
        assert finding["path"] == f"{everything}/{finding['name']}"
        mend = "move the file away" if how in ("fifo", "link") else f"tocsin rm -f {finding['name']}"
        assert finding["mend"].startswith(mend)
    assert run("tocsin", "check", *KINDS, "--repair").returncode == 1
    for other in (["ls"], ["ls", "--json"], ["check"], ["check", "--repair"]):
        result = run("tocsin", *other)
        assert result.returncode in (0, 1), result
        assert result.stderr == ""
    if how not in ("fifo", "link"):  # and the mend is one
        assert said(run("tocsin", "rm", "-f", *KINDS)) == ""
        assert said(run("tocsin", "check")) == f"1 object at {everything}: sound\n"


def test_other_things_in_the_place_of_an_object(run: Run, everything: str) -> None:
    Path(everything, "event").unlink()
    Path(everything, "event").mkdir()
    result = run("tocsin", "check", "event")
    assert (result.returncode, len(result.stderr.splitlines())) == (3, 1)
    assert "folder" in result.stderr or "directory" in result.stderr
    shutil.copy(
        Path(everything, "lock"), Path(everything, "queue")
    )  # another kind: sound, but the segments are nobody's
    found = report(run, code=1)["findings"]
    assert {Path(finding["path"]).name.split(".")[1] for finding in found} == {"event", "queue"}
    assert all("left behind" in finding["what"] for finding in found)
    assert report(run, "--repair", code=0)["sound"]
    assert said(run("tocsin", "check")) == f"6 objects at {everything}: sound\n"


@pytest.mark.parametrize("kind", KINDS)
def test_every_eighth_byte_turned_over(kind: str, everything: str) -> None:
    """In one process, because it is many looks; tests/core/unit_check.c takes the files' other bytes as well."""
    code = """
        import contextlib, io, json
        from pathlib import Path
        from tocsin.cli import call
        kind, path = sys.argv[1], Path(os.environ["TOCSIN_AT"], sys.argv[1])
        size = path.stat().st_size
        offsets = [at for at in range(0, size, 8) if at < 640 or at % 8232 == 0]
        codes = set()
        with open(path, "r+b", buffering=0) as file:
            for turn, at in enumerate(offsets):
                at += turn % 8
                was = os.pread(file.fileno(), 1, at)
                os.pwrite(file.fileno(), bytes([was[0] ^ 0xff]), at)
                looks = (["check", kind, "--json"], ["ls", kind], ["stat", kind])
                for words in looks if turn % 8 == 0 else looks[:1]:
                    out = io.StringIO()
                    out.reconfigure = lambda **_: None
                    sys.stdout = out
                    code = call(words)
                    sys.stdout = sys.__stdout__
                    if words[0] == "check" and code != 3:
                        assert json.loads(out.getvalue())["sound"] is (code == 0)
                    codes.add((words[0], code))
                os.pwrite(file.fileno(), was, at)
        say(json.dumps(sorted(codes)), len(offsets))
    """
    with Child(code, kind) as child:
        last = child.check().splitlines()[-1]
    codes = {tuple(pair) for pair in json.loads(last.rpartition(" ")[0])}
    assert {("check", 1), ("ls", 0)} <= codes
    assert codes <= {("check", 0), ("check", 1), ("check", 3), ("ls", 0), ("stat", 0), ("stat", 3)}
    assert tocsin.Event("deep/event").is_set()


def test_items_that_are_damaged(run: Run, everything: str) -> None:
    (segment, *_) = sorted(Path(everything).glob(".queue.*"))
    with open(segment, "r+b") as file:
        file.seek(7000)
        file.write(b"#")
    (finding,) = report(run, "queue", code=1)["findings"]
    assert "items are damaged" in finding["what"]
    assert "(1, the first is number" in finding["what"]
    segment.unlink()
    (finding,) = report(run, "queue", code=1)["findings"]
    assert "items are damaged" in finding["what"]
    for bus in Path(everything).glob(".bus.*"):
        bus.unlink()
    (finding,) = report(run, "bus", code=1)["findings"]
    assert "(100, the first is number 1)" in finding["what"]


def test_counts_are_put_right(run: Run, everything: str) -> None:
    path = Path(everything, "queue")
    with open(path, "r+b") as file:  # queue.h: two states from byte 256 on; `bytes` is at 40 in each
        for state in (256, 384):
            file.seek(state + 40)
            file.write((7).to_bytes(8, "little"))
    (finding,) = report(run, "queue", code=1)["findings"]
    assert finding["mend"] == "tocsin check --repair queue"
    before = image(everything)
    assert report(run, code=1)["findings"] == [finding]
    assert image(everything) == before
    (finding,) = report(run, "queue", "--repair", code=0)["findings"]
    assert finding["repaired"] == "repaired"
    assert said(run("tocsin", "check", "queue")) == "1 object: sound\n"
    assert len(said(run("tocsin", "get", "queue", "--count", "inf", "--timeout", "0"), 1).splitlines()) == 199


def test_what_the_dead_left(run: Run, everything: str) -> None:
    """Bells, segments and values of objects that a cleaner took; files of makers that were killed."""
    bell = next(Path(everything).glob(".event.*.bell"))
    Path(everything, "event").unlink()
    Path(everything, "queue").unlink()
    Path(everything, "data").unlink()
    old = Path(everything, ".new.0123456789abcdef.new")
    old.touch()
    os.utime(old, (time.time() - 1000,) * 2)
    Path(everything, ".young.0123456789abcdef.new").touch()  # somebody may be making it at this moment
    Path(everything, ".strangers").touch()
    Path(everything, ".a.0123456789abcdef.txt").touch()
    found = report(run, code=1)["findings"]
    assert bell.exists()
    assert {Path(finding["path"]).name.split(".")[1] for finding in found} == {"event", "queue", "data", "new"}
    found = report(run, "--repair", code=0)
    assert found["findings"]
    assert all(finding["repaired"] == "removed" for finding in found["findings"])
    left = {
        name for name in os.listdir(everything) if name.startswith(".") and not name.startswith((".bus.", ".lock."))
    }
    assert left == {OWNERS, ".young.0123456789abcdef.new", ".strangers", ".a.0123456789abcdef.txt"}
    assert report(run, code=0)["objects"] == 4


def test_a_segment_that_nobody_names(run: Run, everything: str) -> None:
    first = min(Path(everything).glob(".data.*"))
    prefix = first.name.rpartition(".v")[0]
    Path(everything, f"{prefix}.v00000000000000aa").write_bytes(b"x" * 5000)
    (finding,) = report(run, code=1)["findings"]
    assert "earlier values" in finding["what"]
    (finding,) = report(run, "--repair", "data", code=0)["findings"]
    assert finding["repaired"] == "repaired, 1 files removed"
    with DataEvent[Any]("data") as data:
        assert data.latest() == "x" * 20_000


def test_a_bell_that_is_none(run: Run, everything: str) -> None:
    bell = next(Path(everything).glob(".event.*.bell"))
    for make in (bell.touch, bell.mkdir, partial(bell.symlink_to, "queue")):
        if bell.is_dir():
            bell.rmdir()
        else:
            bell.unlink(missing_ok=True)
        make()
        (finding,) = report(run, code=1)["findings"]
        assert "no FIFO" in finding["what"]
        assert report(run, "event", "--repair", code=0)["sound"]
        with Event("event") as event:
            assert event.fileno() >= 0
        assert report(run, code=0)["sound"]


@pytest.mark.parametrize("what", ["folder", "fifo", "link", "shut"])
def test_the_owners_file(what: str, run: Run, everything: str) -> None:
    path = Path(everything, OWNERS)
    path.unlink()
    make: dict[str, Callable[[], object]] = {
        "folder": path.mkdir,
        "fifo": lambda: os.mkfifo(path),
        "link": lambda: path.symlink_to("queue"),
        "shut": lambda: path.touch(mode=0),
    }
    make[what]()
    (finding,) = report(run, code=1)["findings"]
    assert finding["path"] == str(path)
    assert finding["mend"] == "tocsin check --repair"
    assert report(run, "--repair", code=0)["findings"][0]["repaired"]
    assert report(run, code=0)["findings"] == []
    assert said(run("tocsin", "put", "queue", "1")) == ""


def test_permissions(run: Run, everything: str) -> None:
    Path(everything, "event").chmod(0o666)
    (finding,) = report(run, "event", code=1)["findings"]
    assert "0666" in finding["what"]
    assert finding["mend"] == f"chmod 600 {everything}/event"
    said(run("sh", "-c", finding["mend"]))
    assert report(run, "event", code=0)["sound"]
    Path(everything).chmod(0o777)
    (finding,) = report(run, code=1)["findings"]
    assert finding["path"] == everything
    assert "chmod +t" in finding["mend"]
    Path(everything).chmod(0o700)


def test_what_may_not_be_read(run: Run, everything: str, stranger: list[str]) -> None:
    if not stranger:
        stranger = ["env"]
    Path(everything, "queue").chmod(0)
    Path(everything, "deep").chmod(0)
    Path(everything).chmod(0o755)
    try:
        result = run(*stranger, "tocsin", "check", "--json")
        assert result.returncode == 3
        assert not json.loads(result.stdout)["sound"]
        assert "deep" in result.stderr
        assert "Traceback" not in result.stderr
        assert run(*stranger, "tocsin", "check", "queue").returncode == 3
    finally:
        Path(everything, "deep").chmod(0o700)
        Path(everything).chmod(0o700)


def test_who_may_only_read_may_check(run: Run, place: str, stranger: list[str]) -> None:
    Path(place).chmod(0o755)
    with Event("event", mode=0o644) as event, Queue[int]("queue", mode=0o644) as queue:
        event.set()
        queue.put_many(range(100))
        for segment in Path(place).glob(".queue.*"):
            assert segment.stat().st_mode & 0o777 == 0o644
        before = state_of(place)
        assert said(run(*stranger, "tocsin", "check")) == f"2 objects at {place}: sound\n"
        assert state_of(place) == before


def test_the_system_place_shows_ours_only(run: Run) -> None:
    name = f"check-{os.getpid()}/inner"
    with Event(name, at="system") as event:
        try:
            assert said(run("tocsin", "check", name, "--at", "system")) == "1 object: sound\n"
            assert run("tocsin", "check", "--at", "system").returncode in (0, 1, 3)
        finally:
            event.unlink()
