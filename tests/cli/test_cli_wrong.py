"""Wrong input: each has its exit code and exactly one line on standard error."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from harness.commands import Run, damage, one_line

VERBS = {
    "evt_set": ["evt_set"],
    "evt_clear": ["evt_clear"],
    "evt_wait": ["evt_wait"],
    "set": ["tocsin", "set"],
    "clear": ["tocsin", "clear"],
    "wait": ["tocsin", "wait", "--timeout=0"],
    "status": ["tocsin", "status"],
    "stat": ["tocsin", "stat"],
    "rm": ["tocsin", "rm"],
    "signal": ["tocsin", "signal"],
    "put": ["tocsin", "put"],
    "get": ["tocsin", "get", "--timeout=0"],
}

#: arguments, exit code, what the line must say
EVERY_VERB = {
    "no name": ([], 2, "NAME"),
    "empty name": ([""], 2, "empty"),
    "dash": (["--", "-x"], 2, "begin with"),
    "dot": ([".x"], 2, "begin with"),
    "slashes": (["a//b"], 2, "between slashes"),
    "end slash": (["a/"], 2, "end"),
    "newline": (["a\nb"], 2, "A-Z"),
    "long": (["n" * 201], 2, "200"),
    "not ASCII": (["é"], 2, "A-Z"),
    "not UTF-8": (["\udcff"], 2, "A-Z"),
    "unknown option": (["--nope", "x"], 2, "--nope"),
    "no value": (["x", "--at"], 2, "--at"),
    "empty place": (["x", "--at="], 2, "place"),
    "bad place": (["x", "--at", "nowhere"], 2, "place"),
    "another host": (["x", "--at", "redis://localhost"], 3, "redis://localhost"),
    "damaged": (["damaged"], 3, "damaged"),
    "a stranger's file": (["notes.txt"], 3, "damaged"),
    "a directory": (["folder"], 3, "folder"),
    "a FIFO": (["fifo"], 3, "damaged"),
    "a symbolic link": (["link"], 3, "symbolic"),
}

MAKERS = ("evt_set", "evt_clear", "evt_wait", "set", "clear", "wait")
MODES = {
    "no octal": (["x", "--mode", "0888"], 2, "octal"),
    "too many bits": (["x", "--mode=1777"], 2, "octal"),
    "owner shut out": (["x", "--mode", "0066"], 2, "octal"),
    "another mode": (["made", "--mode", "0666"], 3, "mode"),
    "no directory": (["x", "--at", "/nonexistent/place"], 3, "directory"),
}

TIMES = ["nan", "-nan", "1x", "x", "", "0x10", "1_0", " 1", "1 ", "1e400", "1e10", "--1", "-+1", ".", "1e"]


@pytest.fixture
def _ruins(place: str, run: Run) -> None:
    assert run("evt_set", "damaged").returncode == 0
    assert run("evt_set", "made").returncode == 0
    damage(Path(place, "damaged"), 20)
    Path(place, "notes.txt").write_text("somebody's notes\n" * 100)
    Path(place, "folder").mkdir()
    os.mkfifo(Path(place, "fifo"))
    Path(place, "link").symlink_to("made")


@pytest.mark.usefixtures("_ruins")
@pytest.mark.parametrize("case", EVERY_VERB)
@pytest.mark.parametrize("verb", VERBS)
def test_every_verb(verb: str, case: str, run: Run) -> None:
    words, code, says = EVERY_VERB[case]
    one_line(run(*VERBS[verb], *words), code, says)


@pytest.mark.usefixtures("_ruins")
@pytest.mark.parametrize("case", MODES)
@pytest.mark.parametrize("verb", MAKERS)
def test_verbs_that_make(verb: str, case: str, run: Run) -> None:
    words, code, says = MODES[case]
    one_line(run(*VERBS[verb], *words), code, says)


@pytest.mark.parametrize("text", TIMES)
def test_a_bad_timeout(text: str, run: Run, place: str) -> None:
    """The native program and `tocsin` refuse the same texts, and make nothing."""
    one_line(run("evt_wait", "x", text), 2, "")
    one_line(run("tocsin", "wait", "x", "--timeout", text), 2, "")
    assert os.listdir(place) == []


@pytest.mark.parametrize("text", ["0", "-0", "-1", "-1e400", "-inf", "0.001", "+.001", "1e-12", "1.e-3"])
def test_a_good_timeout(text: str, run: Run) -> None:
    assert run("evt_wait", "x", text).returncode == 1
    assert run("tocsin", "wait", "x", "--timeout", text).returncode == 1


@pytest.mark.parametrize("text", ["inf", "+INF", "Infinity", "9e9", "1"])
def test_a_timeout_that_is_not_needed(text: str, run: Run) -> None:
    assert run("evt_set", "x").returncode == 0
    assert run("evt_wait", "x", text).returncode == 0
    assert run("tocsin", "wait", "x", "--timeout", text).returncode == 0


OTHERS = {
    "no verb": (["tocsin"], 2, "which verb"),
    "unknown verb": (["tocsin", "frob"], 2, "frob"),
    "evt_set, two names": (["evt_set", "a", "b"], 2, "too many"),
    "evt_wait, three words": (["evt_wait", "a", "1", "2"], 2, "too many"),
    "wait, as evt_wait": (["tocsin", "wait", "a", "0.5"], 2, "seconds are --timeout 0.5"),
    "wait, two names": (["tocsin", "wait", "a", "b"], 2, "say --any or --all"),
    "clear and since": (["tocsin", "wait", "a", "--clear", "--since=1"], 2, "--since"),
    "since": (["tocsin", "wait", "a", "--since=x"], 2, "generation"),
    "a flag with a value": (["tocsin", "ls", "--json=1"], 2, "--json"),
    "ls, bad place": (["tocsin", "ls", "--at", "nowhere"], 2, "place"),
    "ls, another host": (["tocsin", "ls", "--at", "redis://h"], 3, "redis://h"),
    "ls, a file": (["tocsin", "ls", "--at", "/proc/version"], 3, "/proc/version"),
    "doctor, words": (["tocsin", "doctor", "x"], 2, "x"),
    "doctor, bad place": (["tocsin", "doctor", "--at", "nowhere"], 2, "place"),
    "demo, no such tree": (["tocsin", "demo", "/nonexistent/tree"], 2, "/nonexistent/tree"),
    "no-create": (["tocsin", "set", "--no-create", "none"], 3, "none"),
    "rm, none there": (["tocsin", "rm", "none"], 3, "none"),
    "stat, none there": (["tocsin", "stat", "none"], 3, "none"),
}


@pytest.mark.parametrize("case", OTHERS)
def test_others(case: str, run: Run, place: str) -> None:
    command, code, says = OTHERS[case]
    one_line(run(*command), code, says)
    assert os.listdir(place) == []


@pytest.mark.parametrize("command", ["evt_set --help", "tocsin ls", "tocsin --version", "tocsin --help"])
def test_a_full_disk_behind_standard_output(command: str, run: Run) -> None:
    assert run("evt_set", "x").returncode == 0
    one_line(run("sh", "-c", f"exec {command} >/dev/full"), 3, "standard output")


@pytest.mark.parametrize("verb", ["set", "clear", "status", "rm"])
def test_one_bad_name_stops_nothing_else_from_being_checked_first(verb: str, run: Run, place: str) -> None:
    """A wrong call does nothing at all; one that can't be done for one name is done for the others."""
    assert run("tocsin", verb, "good", "bad name").returncode == 2
    assert os.listdir(place) == []
    Path(place, "folder").mkdir()
    run("tocsin", "set", "a", "b")
    result = run("tocsin", verb, "a", "folder", "b")
    assert result.returncode == 3
    assert len(result.stderr.splitlines()) == 1
    left = sorted(os.listdir(place))
    assert left == (["folder"] if verb == "rm" else ["a", "b", "folder"])
