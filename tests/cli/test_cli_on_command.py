"""on BUS PATTERN -- COMMAND: a run of the command for each emit, one after the other."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING

import pytest
from harness.child import Child
from harness.commands import Run, said
from harness.state import until_gone
from harness.until import until

from tocsin import Bus

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def bus(place: str) -> Iterator[Bus]:
    with Bus("site", at=place) as made:
        yield made


def test_the_event_is_on_standard_input(run: Run, bus: Bus) -> None:
    bus.emit("job.done", (1, "two"), {"k": None})
    bus.emit("other")
    bus.emit("job.done")
    script = 'cat; echo "$TOCSIN_EVENT $TOCSIN_SEQUENCE"'
    found = said(run("tocsin", "on", "site", "job.*", "--replay=9", "--count=2", "--", "sh", "-c", script))
    first = '{"name":"job.done","args":[1,"two"],"kwargs":{"k":null}}'
    second = '{"name":"job.done","args":[],"kwargs":{}}'
    assert found == f"{first}\njob.done 1\n{second}\njob.done 3\n"


def test_it_stands_for_braces_in_the_words(run: Run, bus: Bus) -> None:
    bus.emit("x", ("$(exit 1) ' \" \n",))
    command = ["sh", "-c", 'printf "%s|" "$@"; cat', "{}", "{}", "a{}b"]
    found = said(run("tocsin", "on", "site", "x", "--replay=1", "--once", "--", *command))
    one, two, rest = found.split("|")
    assert json.loads(one) == {"name": "x", "args": ["$(exit 1) ' \" \n"], "kwargs": {}}
    assert (two, rest) == (f"a{one}b", "")  # and nothing on standard input
    refused = run("tocsin", "on", "site", "x", "--replay=1", "--once", "--", "{}")
    assert refused.returncode == 3  # an event does not choose what is run


def test_a_command_that_fails_is_told_and_the_next_one_runs(run: Run, bus: Bus) -> None:
    for n in range(3):
        bus.emit("x", (n,))
    script = "read line; echo $TOCSIN_SEQUENCE; case $TOCSIN_SEQUENCE in 1) exit 7;; 2) kill -9 $$;; esac"
    result = run("tocsin", "on", "site", "x", "--replay=3", "--timeout=0", "--", "sh", "-c", script)
    assert (result.returncode, result.stdout) == (3, "1\n2\n3\n")
    first, second = result.stderr.splitlines()
    assert "emit 1, 'x': sh ended with 7" in first
    assert "SIGKILL" in second
    assert run("tocsin", "on", "site", "x", "--timeout=0", "--", "true").returncode == 1  # nothing came


def test_a_command_that_does_not_read(run: Run, bus: Bus) -> None:
    bus.emit("x", ("." * 1_000_000,))
    said(run("tocsin", "on", "site", "x", "--replay=1", "--once", "--", "true"))
    too_long = run("tocsin", "on", "site", "x", "--replay=1", "--once", "--", "echo", "{}")
    assert (too_long.returncode, too_long.stdout, len(too_long.stderr.splitlines())) == (3, "", 1)
    bus.emit("a\0b")  # no environment can hold it
    refused = run("tocsin", "on", "site", "**", "--replay=1", "--once", "--", "true")
    assert (refused.returncode, len(refused.stderr.splitlines())) == (3, 1)


def test_a_command_that_is_not_there_hears_nothing(run: Run, bus: Bus) -> None:
    for command in ("no-such-command-here", "/", ""):
        missing = run("tocsin", "on", "site", "x", "--", command)
        assert (missing.returncode, missing.stdout, len(missing.stderr.splitlines())) == (3, "", 1)
    assert bus.stats().subscribers == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_its_end_is_the_commands(number: signal.Signals, bus: Bus) -> None:
    command = ["tocsin", "on", "site", "x", "--", "sh", "-c", "echo $$; exec sleep 3600"]
    with Child.of(command, start_new_session=True) as listener, bus.subscribe("x") as another:
        until(lambda: bus.stats().subscribers == 2, "both listen")
        bus.emit("x")
        child = int(listener.hear())
        listener.signal(number)
        assert listener.process.wait(60) == -number
        until_gone(child)
        assert another.wait().name == "x"
        bus.emit("x", (2,))
        assert another.wait().args == (2,)


def test_emits_queue_up_behind_a_command_at_work(bus: Bus, place: str) -> None:
    """Only what it has begun counts as heard, so an emitter that waits does not overtake it."""
    script = 'echo "$TOCSIN_SEQUENCE"; tocsin wait go'
    with Child.of(["tocsin", "on", "site", "x", "-n3", "--", "sh", "-c", script]) as listener:
        until(lambda: bus.stats().subscribers == 1, "it listens")
        for n in range(3):
            bus.emit("x", (n,))
        assert listener.hear() == "1"
        with Child.of(["tocsin", "set", "go"]) as setter:
            setter.check()
        assert (listener.hear(), listener.hear()) == ("2", "3")
        assert listener.check() == ""
