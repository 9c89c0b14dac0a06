"""The commands at a server: what they do on a directory they do there, and what can't be done is one line."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from harness.commands import Run, one_line
from harness.servers import RedisServer
from harness.subjects import blocked
from harness.until import PATIENCE_S, until

from tocsin import Bus, DataEvent, Event, FormatMismatch, ObjectRemoved, Queue, Signal, unlink

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def started(environment: dict[str, str]) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    children = []

    def start(*words: str) -> subprocess.Popen[str]:
        child = subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, text=True)
        children.append(child)
        return child

    yield start
    for child in children:
        child.kill()
        child.wait()
        if child.stdout is not None:
            child.stdout.close()


# -- events


def test_an_event_by_tocsin_and_by_the_programs(said: Callable[..., str], place: str) -> None:
    assert said("tocsin", "set", "x") == ""
    with Event("x", at=place, create=False) as event:
        assert event.is_set()
        assert said("evt_clear", "x") == ""
        assert not event.is_set()
        said("evt_wait", "x", "0", code=1)
        said("evt_wait", "x", "0.01", code=1)
        said("evt_set", "x")
        assert event.is_set()
        said("evt_wait", "x")
        said("tocsin", "wait", "x", "--clear", "--timeout", "0.01", code=1)
        said("tocsin", "clear", "x")
        said("tocsin", "wait", "x", "--clear")


@pytest.mark.parametrize("waiting", [["evt_wait", "x"], ["tocsin", "wait", "x"], ["tocsin", "wait", "--any", "x", "y"]])
def test_a_sleeping_command_is_woken(
    waiting: list[str], started: Callable[..., subprocess.Popen[str]], place: str, server: RedisServer
) -> None:
    child = started(*waiting)
    until(lambda: blocked(server), "it sleeps")
    with Event("x", at=place) as event:
        event.set()
        assert child.wait(PATIENCE_S) == 0


def test_wait_for_several(said: Callable[..., str], place: str) -> None:
    with Event("x", at=place) as event, Queue[int]("q", at=place) as queue:
        said("tocsin", "wait", "--any", "x", "q", "--timeout", "0", code=1)
        queue.put(1)
        assert said("tocsin", "wait", "--any", "x", "q") == "q\n"
        event.set()
        assert said("tocsin", "wait", "--all", "x", "q") == "x\nq\n"


# -- signals, values, queues, buses


def test_a_signal_and_a_value(said: Callable[..., str], place: str) -> None:
    said("tocsin", "signal", "s")
    with Signal("s", at=place, create=False) as signalled:
        assert signalled.count == 1
    assert said("tocsin", "listen", "s", "--replay", "--count", "1") == "1\n"
    said("tocsin", "signal", "v", "--data", '{"a":1}')
    assert said("tocsin", "listen", "v", "--count", "1") == '{"a":1}\n'
    assert said("tocsin", "peek", "v") == '{"a":1}\n'
    with DataEvent[dict[str, int]]("v", at=place, create=False) as value:
        assert value.latest() == {"a": 1}


def test_items(said: Callable[..., str], place: str) -> None:
    said("tocsin", "put", "q", "1", '"two"', "3", "4", "5")
    assert said("tocsin", "peek", "q") == "1\n"
    assert said("tocsin", "get", "q") == "1\n"
    assert said("tocsin", "receive", "q", "--", "cat") == '"two"\n'
    assert said("tocsin", "work", "q", "--until-empty", "--", "cat") == "3\n4\n5\n"
    said("tocsin", "get", "q", "--timeout", "0", code=1)
    said("tocsin", "peek", "q", code=1)
    with Queue[Any]("q", at=place, create=False) as queue:
        assert queue.stats().unfinished == 0


def test_a_command_that_fails_gives_its_item_back(run: Run, said: Callable[..., str]) -> None:
    said("tocsin", "put", "q", "7")
    result = run("tocsin", "receive", "q", "--", "false")
    assert result.returncode == 3
    assert result.stderr.count("\n") == 1
    assert said("tocsin", "receive", "q", "--json", "--", "sh", "-c", "echo $TOCSIN_ATTEMPT") == "2\n"


def test_emits(said: Callable[..., str], place: str) -> None:
    with Bus("b", at=place):
        said("tocsin", "emit", "b", "a.b", "1")
    heard = said("tocsin", "on", "b", "a.*", "--replay", "1", "--once")
    assert json.loads(heard) == {"name": "a.b", "args": [1], "kwargs": {}}


# -- looking


def test_what_looks_makes_nothing(said: Callable[..., str], run: Run, server: RedisServer) -> None:
    before = server.ask("DBSIZE")
    assert said("tocsin", "ls") == ""
    assert said("tocsin", "ls", "--json") == "[]\n"
    assert said("tocsin", "status", "x", code=1) == "x: not there\n"
    said("tocsin", "peek", "x", code=1)
    assert run("tocsin", "stat", "x").returncode == 3
    assert "0 objects" in said("tocsin", "top", "--once", "--interval", "0.05")
    assert said("tocsin", "check").endswith(": sound\n")
    said("tocsin", "complete", "--", "tocsin", "wait", "")
    assert server.ask("DBSIZE") == before


def test_ls_and_stat_tell_every_kind(said: Callable[..., str], place: str) -> None:
    with (
        Event("job/e", at=place) as event,
        Signal("s", at=place) as signalled,
        DataEvent[int]("v", at=place) as value,
        Queue[int]("q", at=place) as queue,
        Bus("b", at=place) as bus,
    ):
        event.set()
        signalled.signal()
        value.signal(12345)
        queue.put_many([1, 2, 3])
        queue.put(4, timeout=1)
        bus.emit("x", (1,))
        with queue.receive() as delivery:
            rows = {row["name"]: row for row in json.loads(said("tocsin", "ls", "--json"))}
            told = said("tocsin", "stat", "q")
            assert delivery.item == 1
    assert {name: (row["kind"], row["state"], row["generation"]) for name, row in rows.items()} == {
        "job/e": ("event", "set", 1),
        "s": ("signal", "signalled", 1),
        "v": ("data", "value", 1),
        "q": ("queue", "3 ready, 1 held", 4),
        "b": ("bus", "1 emits, 1 retained", 1),
    }
    assert rows["v"]["bytes"] == 5
    assert rows["q"]["unfinished"] == 4
    (person,) = rows["q"]["in_hand"]
    assert (person["pid"], person["host"], person["alive"]) == (os.getpid(), socket.gethostname(), True)
    assert (person["held"], person["taken"]) == (1, 0)
    assert f"1 received by pid {os.getpid()} on {socket.gethostname()}" in told
    assert {row["at"] for row in rows.values()} == {place}
    assert [row["name"] for row in json.loads(said("tocsin", "ls", "job/*", "--json"))] == ["job/e"]
    assert said("tocsin", "status", "job/e", "q").splitlines() == ["job/e: set, generation 1", "q: 3 ready"]
    assert said("tocsin", "complete", "--", "tocsin", "put", "").splitlines() == ["q\tqueue"]


def test_rates(said: Callable[..., str], started: Callable[..., subprocess.Popen[str]], place: str) -> None:
    with Event("x", at=place) as event:
        child = started("tocsin", "ls", "--rate", "1", "--json")
        while child.poll() is None:
            event.set()
            event.clear()
        (row,) = json.loads(child.communicate()[0])
    assert row["rate"] > 0
    assert "x" in said("tocsin", "top", "--once", "--interval", "0.05")


def test_somebody_elses_keys_are_let_be(said: Callable[..., str], run: Run, server: RedisServer, place: str) -> None:
    prefix = place.partition("prefix=")[2]
    server.ask("HSET", f"{prefix}:{{theirs}}", "field", "value")
    server.ask("SET", f"{prefix}:{{text}}", "value")
    (row,) = json.loads(said("tocsin", "ls", "--json"))
    assert (row["name"], row["state"], row["kind"]) == ("theirs", "not an object", None)
    for name in ("theirs", "text"):
        for verb in ("set", "stat", "rm"):
            one_line(run("tocsin", verb, name), 3, name)
    assert server.ask("GET", f"{prefix}:{{text}}") == b"value"
    assert server.ask("HGET", f"{prefix}:{{theirs}}", "field") == b"value"


# -- removing


def test_rm_tells_who_waits(
    said: Callable[..., str], run: Run, started: Callable[..., subprocess.Popen[str]], server: RedisServer, place: str
) -> None:
    said("tocsin", "put", "q", "1")
    child = started("tocsin", "wait", "x")
    until(lambda: server.ask("EXISTS", f"{place.partition('prefix=')[2]}:{{x}}"), "it has made its event")
    said("tocsin", "rm", "x", "q")
    assert child.wait(PATIENCE_S) == 3
    assert said("tocsin", "ls") == ""
    one_line(run("tocsin", "rm", "x"), 3, "does not exist")
    said("tocsin", "rm", "--force", "x")


def test_unlink_by_name(place: str) -> None:
    with Event("x", at=place) as event:
        unlink("x", at=place)
        with pytest.raises(ObjectRemoved):
            event.wait(0)
    with pytest.raises(FileNotFoundError, match="tocsin ls"):
        unlink("x", at=place)


# -- check and doctor


def test_check_names_what_is_not_sound(said: Callable[..., str], server: RedisServer, place: str) -> None:
    prefix = place.partition("prefix=")[2]
    for name in ("good", "newer", "hurt"):
        said("tocsin", "set", name)
    server.ask("HSET", f"{prefix}:{{newer}}", "format", "99")
    server.ask("HDEL", f"{prefix}:{{hurt}}", "generation")
    found = json.loads(said("tocsin", "check", "--json", code=1))
    assert (found["sound"], found["objects"]) == (False, 3)
    assert [finding["name"] for finding in found["findings"]] == ["hurt", "newer"]
    assert said("tocsin", "check", "good") == "1 object: sound\n"
    rows = {row["name"]: row["state"] for row in json.loads(said("tocsin", "ls", "--json"))}
    assert rows == {"good": "set", "hurt": "damaged", "newer": "another version's"}
    with pytest.raises(FormatMismatch):
        Event("newer", at=place)


def test_check_repairs_nothing_there(run: Run) -> None:
    one_line(run("tocsin", "check", "--repair"), 2, "--repair")


def test_doctor_warns_of_what_loses_things(said: Callable[..., str], server: RedisServer) -> None:
    found = json.loads(said("tocsin", "doctor", "--json"))
    levels = {row["name"]: row["level"] for row in found["checks"]}
    assert found["fit"]
    assert levels["persistence"] == "warn"
    assert levels["eviction"] == levels["set and wait"] == levels["server"] == "ok"
    try:
        server.ask("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
        assert "maxmemory-policy noeviction" in said("tocsin", "doctor")
    finally:
        server.ask("CONFIG", "SET", "maxmemory-policy", "noeviction")
    assert said("tocsin", "ls") == "", "nothing of it stays"


def test_doctor_on_a_server_that_keeps_everything(run: Run) -> None:
    with RedisServer("--appendonly", "yes") as server:
        result = run("tocsin", "doctor", "--at", server.url())
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.endswith("This server is fit.\n")


# -- run


def test_run_waits_and_passes_codes_on(run: Run, said: Callable[..., str]) -> None:
    said("tocsin", "set", "x")
    assert said("tocsin", "run", "--after", "x", "--", "sh", "-c", "echo went; exit 5", code=5) == "went\n"
    one_line(run("tocsin", "run", "--after", "y", "--timeout", "0.01", "--", "true"), 124, "y")
    one_line(run("tocsin", "run", "--after", "x", "--", "no-such-command"), 127, "no-such-command")
    one_line(run("tocsin", "run", "--after", "x", "--", "/proc/version"), 126, "/proc/version")
    assert run("tocsin", "run", "--", "sh", "-c", "kill -TERM $$").returncode == -signal.SIGTERM


def test_run_sets_what_it_owned_when_its_command_succeeds(said: Callable[..., str], place: str) -> None:
    said("tocsin", "run", "--sets", "built", "--", "true")
    with Event("built", at=place, create=False) as built:
        assert built.is_set()
        assert built.owner is None


def test_a_job_that_dies_takes_those_down_that_come_after_it(
    run: Run, started: Callable[..., subprocess.Popen[str]], place: str
) -> None:
    with Event("built", at=place) as built:
        job = started("tocsin", "run", "--sets", "built", "--", "sh", "-c", "echo $$; exec sleep 1000")
        command = int(job.stdout.readline())
        assert built.owner is not None
        after = started("tocsin", "run", "--after", "built", "--", "true")
        job.kill()
        assert after.wait(PATIENCE_S) == 123
        late = run("tocsin", "wait", "built")
        assert late.returncode == 4
        assert "sleep 1000" in late.stderr
        until(lambda: not Path(f"/proc/{command}").exists(), "its command was asked to end")


def test_run_starts_when_it_is_set(
    said: Callable[..., str], started: Callable[..., subprocess.Popen[str]], server: RedisServer
) -> None:
    child = started("tocsin", "run", "--after", "a", "--after", "b", "--", "echo", "both")
    said("evt_set", "b")
    until(lambda: blocked(server), "it sleeps")
    assert child.poll() is None
    said("evt_set", "a")
    assert child.communicate(timeout=PATIENCE_S)[0] == "both\n"


# -- beside what a server has


def test_a_path_is_a_file_wherever_the_place_is(said: Callable[..., str], tmp_path: Path) -> None:
    said("tocsin", "set", "./here")
    assert (tmp_path / "here").is_file()
    assert said("tocsin", "status", "./here") == "./here: set, generation 1\n"
    said("evt_wait", "./here", "0")
    assert said("tocsin", "ls") == ""
    said("tocsin", "rm", "./here")
    assert not (tmp_path / "here").exists()


def test_the_seeds_class_is_at_the_server_too(said: Callable[..., str]) -> None:
    said("evt_set", "x")
    script = "from tocsin.compat.system_event import SystemEvent as S; e = S('x'); print(e.wait(0)); e.clear()"
    assert said(sys.executable, "-c", script) == "True\n"
    said("evt_wait", "x", "0", code=1)
