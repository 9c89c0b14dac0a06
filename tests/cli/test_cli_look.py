"""status, ls and stat look, and make nothing; rm removes; doctor tries; JSON is JSON."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from harness.child import Child
from harness.commands import Run, damage
from harness.until import until

from tocsin import Event
from tocsin._topic import Topic

if TYPE_CHECKING:
    from subprocess import CompletedProcess


LOOKS = [["status", "x"], ["stat", "x"], ["ls"], ["ls", "x*"], ["status", "job/x"]]


def loads(result: CompletedProcess[str]) -> Any:
    assert result.stderr == ""
    return json.loads(result.stdout)


@pytest.mark.parametrize("verb", LOOKS, ids=" ".join)
def test_looking_makes_nothing(verb: list[str], run: Run, place: str) -> None:
    run("tocsin", *verb)
    assert os.listdir(place) == []
    missing = f"{place}/missing"
    result = run("tocsin", *verb, "--at", missing)
    assert not Path(missing).exists()
    assert result.returncode == {"ls": 0, "status": 1, "stat": 3}[verb[0]]


@pytest.mark.parametrize("verb", LOOKS, ids=" ".join)
def test_looking_changes_nothing(verb: list[str], run: Run, place: str) -> None:
    with Event("x") as x, Event("job/x"):
        x.set()
        run("tocsin", *verb)
        assert (x.is_set(), x.generation, x.stats().sleepers, x.stats().listeners) == (True, 1, False, False)
    assert sorted(os.listdir(place)) == ["job", "x"]


def test_status(run: Run) -> None:
    assert run("tocsin", "status", "x").stdout == "x: not there\n"
    run("evt_set", "x")
    run("evt_clear", "y")
    result = run("tocsin", "status", "x", "y")
    assert (result.returncode, result.stdout) == (1, "x: set, generation 1\ny: clear, generation 0\n")
    result = run("tocsin", "status", "x", "--json")
    assert result.returncode == 0
    assert [(row["name"], row["state"], row["generation"]) for row in loads(result)] == [("x", "set", 1)]
    assert loads(run("tocsin", "status", "none", "--json"))[0]["state"] == "not there"


def test_ls_survives_what_lies_there(run: Run, place: str) -> None:
    run("evt_set", "x")
    run("evt_clear", "job/deep/y")
    run("evt_set", "damaged")
    run("evt_set", "short")
    damage(Path(place, "damaged"), 30)
    os.truncate(Path(place, "short"), 100)
    Path(place, "notes").write_text("somebody's\n" * 999)
    Path(place, "empty").touch()
    os.mkfifo(Path(place, "fifo"))
    Path(place, "link").symlink_to("x")
    Path(place, "loop").symlink_to(".")
    Path(place, ".hidden").touch()
    Path(place, "with\nnewline").touch()
    Path(os.fsdecode(os.fsencode(place) + b"/\xff")).touch()

    rows = {row["name"]: row for row in loads(run("tocsin", "ls", "--json"))}
    states = {name: row["state"] for name, row in rows.items()}
    assert states.pop("short") in ("damaged", "not an object")
    assert states == {
        "x": "set",
        "job/deep/y": "clear",
        "damaged": "damaged",
        "notes": "not an object",
        "empty": "not an object",
        "fifo": "not an object",
        "link": "not an object",
        "loop": "not an object",
        "with\nnewline": "not an object",
        "\udcff": "not an object",
    }
    assert (rows["x"]["kind"], rows["x"]["generation"], rows["x"]["mode"]) == ("event", 1, "0600")

    table = run("tocsin", "ls")
    assert table.returncode == 0
    assert len(table.stdout.splitlines()) == 1 + len(rows)
    assert "with\\nnewline" in table.stdout
    assert [row["name"] for row in loads(run("tocsin", "ls", "job/*", "--json"))] == ["job/deep/y"]


def test_ls_of_the_system_place_shows_ours_only(run: Run) -> None:
    name = f"test-{os.getpid()}/inner"
    with Event(name, at="system") as event:
        try:
            rows = loads(run("tocsin", "ls", f"test-{os.getpid()}/*", "--at", "system", "--json"))
            assert [row["name"] for row in rows] == [name]
        finally:
            event.unlink()


def test_a_place_that_cannot_be_read(run: Run, place: str, stranger: list[str]) -> None:
    run("evt_set", "x")
    shut = Path(place, "shut")
    shut.mkdir(mode=0o000)
    os.chmod(place, 0o000)
    try:
        # Root may read everything: the commands run without its powers, and the owner is shut out by the bits.
        for command, code in (
            (["tocsin", "ls"], 3),
            (["tocsin", "status", "x"], 3),
            (["tocsin", "set", "x"], 3),
            (["evt_set", "x"], 3),
            (["evt_wait", "x", "0"], 3),
        ):
            result = run(*stranger, *command)
            assert (result.returncode, result.stdout) == (code, ""), (command, result)
            assert len(result.stderr.splitlines()) == 1, result.stderr
            assert "Traceback" not in result.stderr
    finally:
        os.chmod(place, 0o700)
    if not stranger or "65534" not in stranger[1]:
        # One folder that is shut hides nothing else, and is not passed over in silence.
        result = run(*stranger, "tocsin", "ls", "--json")
        assert [row["name"] for row in json.loads(result.stdout)] == ["x"]
        assert result.returncode == 3
        assert "shut" in result.stderr
        result = run(*stranger, "tocsin", "top", "--once", "--interval=0.05")
        assert "event" in result.stdout
        assert (result.returncode, result.stderr) == (3, f"tocsin top: {shut}: Permission denied\n")


def test_stat(run: Run, place: str) -> None:
    with Event("job/x") as event:
        number = event.fileno()
        event.set()
        (row,) = loads(run("tocsin", "stat", "job/x", "--json"))
        assert number >= 0
        assert row["path"] == f"{place}/job/x"
        assert row["id"] == f"{event.stats().id:016x}"
        assert row["bell"] is True
        assert {"SET", "HASBELL"} <= set(row["bits"])
        assert int(row["word"], 16) & 1
        assert (row["state"], row["generation"], row["mode"], row["owner"]) == ("set", 1, "0600", os.getuid())
        assert row["created"] == event.stats().created
    text = run("tocsin", "stat", "job/x").stdout
    assert f"path:       {place}/job/x\n" in text


def test_rm_removes_what_was_left_behind(run: Run, place: str) -> None:
    with Event("x") as lost:
        lost.fileno()
        os.unlink(Path(place, "x"))  # a cleaner: the bell stays behind
    assert [name.endswith(".bell") for name in os.listdir(place)] == [True]
    with Event("x") as event, Event("x.y") as other:
        event.fileno()
        other.fileno()
        assert run("tocsin", "rm", "x").returncode == 0
        left = os.listdir(place)
        assert sorted(left) == sorted(["x.y", f".x.y.{other.stats().id:016x}.bell"])


def test_rm_force(run: Run, place: str) -> None:
    run("evt_set", "x")
    os.truncate(Path(place, "x"), 10)
    Path(place, "folder").mkdir()
    assert run("tocsin", "rm", "x").returncode == 3
    assert run("tocsin", "rm", "-f", "x", "none").returncode == 0
    assert run("tocsin", "rm", "--force", "folder").returncode == 3
    assert os.listdir(place) == ["folder"]


def test_answers_in_json(run: Run, place: str) -> None:
    (made,) = loads(run("tocsin", "set", "x", "--json"))
    assert made == {"name": "x", "at": place, "is_set": True, "generation": 1}
    assert loads(run("tocsin", "wait", "x", "--json")) == {"done": True, **made}
    assert loads(run("tocsin", "clear", "x", "--json"))[0]["is_set"] is False
    late = run("tocsin", "wait", "x", "--json", "--timeout", "0")
    assert late.returncode == 1
    assert loads(late)["done"] is False
    assert loads(run("tocsin", "rm", "x", "--json"))[0]["removed"] is True
    assert loads(run("tocsin", "ls", "--json")) == []


def test_doctor(run: Run, place: str) -> None:
    """This machine runs the other tests, so it is fit; and the proofs leave nothing behind."""
    result = run("tocsin", "doctor", "--json")
    report = loads(result)
    assert result.returncode == (0 if report["fit"] else 3)
    levels = {check["name"]: check["level"] for check in report["checks"]}
    for proof in ("edge per close", "edge per death", "wake", "place"):
        assert levels[proof] == "ok", report
    assert {"kernel", "room", "descriptors", "pipes", "mappings", "logout", "nameless files"} <= set(levels)
    assert all(check["mend"] for check in report["checks"] if check["level"] != "ok")
    assert os.listdir(place) == []
    text = run("tocsin", "doctor")
    assert len(text.stdout.splitlines()) == 1 + len(report["checks"])


def test_doctor_finds_an_unfit_place(run: Run, place: str) -> None:
    result = run("tocsin", "doctor", "--json", "--at", f"{place}/none")
    assert result.returncode == 3
    report = loads(result)
    assert not report["fit"]
    assert next(check["name"] for check in report["checks"] if check["level"] == "fail") == "place"
    open_to_all = Path(place, "open")
    open_to_all.mkdir()
    open_to_all.chmod(0o777)
    report = loads(run("tocsin", "doctor", "--json", "--at", f"{place}/open"))
    assert {check["name"]: check["level"] for check in report["checks"]}["place"] == "warn"


def test_a_bus_is_seen(run: Run) -> None:
    with Topic("x") as topic:
        topic.emit_many([b"a", b"b"])
        (row,) = loads(run("tocsin", "ls", "--json"))
        assert (row["kind"], row["state"], row["generation"]) == ("bus", "2 emits, 2 retained", 2)
        stat = run("tocsin", "stat", "x").stdout
        assert "kind:       bus" in stat
        assert "max_bytes:" in stat
        assert run("tocsin", "status", "x").stdout == "x: 2 emits, 2 retained\n"
        assert run("tocsin", "rm", "x").returncode == 0
    assert json.loads(run("tocsin", "ls", "--json").stdout) == []


def test_a_reader_that_leaves(run: Run) -> None:
    """`tocsin ls | head -1`: no traceback, no noise."""
    for i in range(50):
        run("evt_set", f"{'long' * 40}{i}")
    with Child.of(["bash", "-c", "for i in 1 2 3 4 5 6; do tocsin ls; done | true; echo ${PIPESTATUS[0]}"]) as pipe:
        assert pipe.end() == 0
        assert pipe.errors() == ""


@pytest.mark.parametrize("program", ["evt_set", "evt_clear", "evt_wait"])
def test_native_help_begins_with_an_example(program: str, run: Run) -> None:
    result = run(program, "--help")
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith(f"  {program} ready")
    version = run("tocsin", "--version").stdout.split()[1]
    assert run(program, "--version").stdout == f"{program} (tocsin) {version}\n"


def test_doctor_tidies_up_on_ctrl_c(run: Run, place: str) -> None:
    code = """
        import tocsin.cli._checks as checks
        interrupt = lambda workshop: os.kill(os.getpid(), signal.SIGINT)
        checks._PROOFS = (("interrupt", interrupt, "fail", ""),)
        sys.argv = ["tocsin", "doctor"]
        from tocsin.cli import main
        main()
    """
    with Child(code) as doctor:
        assert doctor.end() == -signal.SIGINT
        assert doctor.errors() == ""
    until(lambda: os.listdir(place) == [], "the workshop is gone")
