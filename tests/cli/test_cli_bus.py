"""emit and on: events between shells, and between shells and Python's handlers."""

from __future__ import annotations

import json
import os
import re
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from harness.child import Child
from harness.commands import Run, Shell, said
from harness.state import until_state
from harness.until import until

from tocsin import Bus
from tocsin._topic import Topic

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def bus(place: str) -> Iterator[Bus]:
    with Bus("site", at=place) as made:
        yield made


def listening(bus: Bus, count: int = 1) -> None:
    until(lambda: bus.stats().subscribers == count, f"{count} listen")


def retained(run: Run, pattern: str, *options: str) -> list[Any]:
    """All that is kept of what the pattern matches; the time is over then, so it exits with 1."""
    found = said(run("tocsin", "on", "site", pattern, "--replay=100000", "--timeout=0", *options), 1)
    return [json.loads(line) for line in found.splitlines()]


def test_a_shell_emits_to_a_handler_in_another_process_and_to_another_shell(run: Run, bus: Bus, place: str) -> None:
    with (
        Child(f"""
            bus = tocsin.Bus("site", at={place!r})
            @bus.on("job.*")
            def heard(*args, **kwargs): say(args, kwargs)
            hear()
        """) as python,
        Child.of(["tocsin", "on", "site", "job.done"]) as shell,
    ):
        listening(bus, 2)
        assert said(run("tocsin", "emit", "site", "job.done", "1", '"ü"', '--kwargs={"k": [null]}')) == ""
        assert python.hear() == "(1, 'ü') {'k': [None]}"
        assert shell.hear() == '{"name":"job.done","args":[1,"ü"],"kwargs":{"k":[null]}}'
        said(run("tocsin", "emit", "site", "job.failed"))
        assert python.hear() == "() {}"
        bus.emit("job.done", (2,))
        assert json.loads(shell.hear()) == {"name": "job.done", "args": [2], "kwargs": {}}


def test_patterns(run: Run, bus: Bus) -> None:
    for name in ("job", "job.done", "job.7.done", "other"):
        said(run("tocsin", "emit", "site", name))
    wanted = {
        "job": ["job"],
        "job.*": ["job.done"],
        "job.**": ["job", "job.done", "job.7.done"],
        "**.done": ["job.done", "job.7.done"],
        "**": ["job", "job.done", "job.7.done", "other"],
        "none": [],
    }
    for pattern, names in wanted.items():
        assert [event["name"] for event in retained(run, pattern)] == names


def test_how_many_are_heard(run: Run, bus: Bus) -> None:
    for n in range(10):
        bus.emit("x", (n,))
    assert said(run("tocsin", "on", "site", "x", "--replay=3", "--once")).count("\n") == 1
    found = said(run("tocsin", "on", "site", "x", "--replay", "3", "-n", "2", "--json"))
    assert [json.loads(line)["sequence"] for line in found.splitlines()] == [8, 9]
    assert said(run("tocsin", "on", "site", "x", "--timeout=0"), 1) == ""
    assert said(run("tocsin", "on", "site", "x", "--timeout=0.01", "--replay=1"), 1).count("\n") == 1
    with Child.of(["tocsin", "on", "site", "x", "--count=2"]) as shell:
        listening(bus)
        bus.emit("x", ("a",))
        bus.emit("y")
        bus.emit("x", ("b",))
        assert [json.loads(line)["args"] for line in shell.check().splitlines()] == [["a"], ["b"]]


def test_a_time_that_is_over_looks_through_what_is_there_by_then(run: Run, bus: Bus) -> None:
    for n in range(1000):
        bus.emit("other" if n != 700 else "x", (n,))
    assert [event["args"] for event in retained(run, "x")] == [[700]]
    assert retained(run, "none") == []


def test_arguments_from_standard_input(run: Run, shell: Shell, bus: Bus) -> None:
    lines = '1 "two  2" {"three": [3]}\n\n  null  \n[1,2]\n"last"'
    told = json.loads(said(run("tocsin", "emit", "site", "x", "-", "--json", '--kwargs={"k":1}', input=lines)))
    assert (told["emitted"], told["sequence"]) == (4, 4)
    found = retained(run, "x")
    assert [event["args"] for event in found] == [[1, "two  2", {"three": [3]}], [None], [[1, 2]], ["last"]]
    assert all(event["kwargs"] == {"k": 1} for event in found)
    assert said(run("tocsin", "emit", "site", "y", "-", input="")) == ""
    assert retained(run, "y") == []
    done = shell("tocsin on site x --replay 4 -n 3 | tocsin emit site again -")
    assert said(done) == ""
    assert [event["args"] for event in retained(run, "again")] == [[event] for event in found[:3]]


def test_lines_go_out_as_they_come(bus: Bus) -> None:
    with Child.of(["tocsin", "emit", "site", "x", "-"]) as emitter, bus.subscribe("x") as heard:
        for n in range(3):
            emitter.say(str(n))
            assert heard.wait().args == (n,)
        emitter.say("wrong")
        assert emitter.end() == 2
        assert "line 4" in emitter.errors()
        assert "3 before it were emitted" in emitter.errors()


def test_many_lines(run: Run, place: str) -> None:
    """More than the pipe and one read hold, over a bus that is made for it."""
    lines = "".join(f'{n} "{"." * (n % 200)}"\n' for n in range(5000))
    told = json.loads(said(run("tocsin", "emit", "site", "x", "-", "--max-bytes=4000000", "--json", input=lines)))
    assert told == {"name": "site", "at": place, "emitted": 5000, "sequence": 5000}
    found = retained(run, "**")
    assert [event["args"][0] for event in found] == list(range(5000))
    assert all(len(event["args"][1]) == n % 200 for n, event in enumerate(found))


def test_an_event_is_as_large_as_the_bus_allows(run: Run, bus: Bus) -> None:
    text = "x" * 3_000_000
    said(run("tocsin", "emit", "site", "x", "-", input=json.dumps(text)))
    assert retained(run, "x")[0]["args"] == [text]
    too_large = run("tocsin", "emit", "site", "x", "-", input='1\n"' + "x" * (9 << 20) + '"\n3')
    assert too_large.returncode == 3
    assert "1 before it were emitted" in too_large.stderr
    assert len(too_large.stderr.splitlines()) == 1


def test_a_bus_that_nobody_has(run: Run, place: str) -> None:
    refused = run("tocsin", "emit", "site", "x", "--no-create")
    assert (refused.returncode, len(refused.stderr.splitlines())) == (3, 1)
    refused = run("tocsin", "on", "site", "x", "--no-create", "--timeout=0")
    assert (refused.returncode, len(refused.stderr.splitlines())) == (3, 1)
    assert os.listdir(place) == []
    said(run("tocsin", "emit", "site", "x", "1"))  # it is made, and kept for who comes later
    assert retained(run, "x")[0]["args"] == [1]
    said(run("tocsin", "on", "other", "x", "--timeout=0", "--mode=0640"), 1)
    rows = json.loads(said(run("tocsin", "ls", "--json")))
    assert sorted((row["name"], row["kind"], row["mode"]) for row in rows) == [
        ("other", "bus", "0640"),
        ("site", "bus", "0600"),
    ]


def test_removed_while_it_listens(run: Run, bus: Bus) -> None:
    with Child.of(["tocsin", "on", "site", "x"]) as listener:
        listening(bus)
        said(run("tocsin", "rm", "site"))
        assert listener.end() == 3
        assert len(listener.errors().splitlines()) == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_signal_ends_a_listener(number: signal.Signals, bus: Bus) -> None:
    with Child.of(["tocsin", "on", "site", "x"]) as listener:
        listening(bus)
        bus.emit("x")
        listener.hear()
        listener.signal(number)
        assert listener.end() == -number
        assert (listener.rest, listener.errors()) == ("", "")


def test_a_reader_that_leaves_ends_it_quietly(shell: Shell, bus: Bus) -> None:
    for n in range(20_000):  # more than a pipe holds
        bus.emit("x", (n, "." * 20))
    done = shell("bash -c 'tocsin on site x --replay 20000 | head -1; echo ${PIPESTATUS[0]}'")
    assert done.stdout == '{"name":"x","args":[0,"...................."],"kwargs":{}}\n141\n'
    assert done.stderr == ""
    full = shell("tocsin on site x --replay 1 --once > /dev/full")
    assert (full.returncode, len(full.stderr.splitlines())) == (3, 1)
    closed = shell("tocsin on site x --replay 1 --once >&-")
    assert (closed.returncode, len(closed.stderr.splitlines())) == (3, 1)


@pytest.fixture
def small(place: str) -> Iterator[Bus]:
    """One that soon overwrites."""
    with Bus("site", at=place, max_bytes=1 << 15) as made:
        yield made


def test_one_that_falls_behind_is_told_and_goes_on(small: Bus) -> None:
    with Child.of(["tocsin", "on", "site", "x"]) as listener:
        listening(small)
        small.emit("x", (0,))
        listener.hear()
        listener.signal(signal.SIGSTOP)
        until_state(listener.pid, "T")
        for n in range(1, 5000):
            small.emit("x", (n,))
        listener.signal(signal.SIGCONT)
        heard = [0]
        while heard[-1] != 4999:
            heard.append(json.loads(listener.hear())["args"][0])
        listener.signal(signal.SIGTERM)
        assert listener.end() == -signal.SIGTERM
        assert heard == sorted(set(heard))
        (line,) = listener.errors().splitlines()
        assert f" {5000 - len(heard)} emits " in line


def test_an_emitter_that_asks_to_waits_for_the_slow_and_never_for_the_dead(run: Run, small: Bus, place: str) -> None:
    lines = "".join(f'{n} "{"." * 50}"\n' for n in range(2000))
    with open(f"{place}/lines", "w") as file:
        file.write(lines)
    waiting = ["sh", "-c", f'exec tocsin emit site x - --json "$@" <{place}/lines', "sh"]
    with Child.of(["tocsin", "on", "site", "x"]) as slow:
        listening(small)
        slow.signal(signal.SIGSTOP)
        until_state(slow.pid, "T")
        late = run(*waiting, "--wait=0.01")
        assert (late.returncode, late.stderr) == (1, "")
        first = json.loads(late.stdout)["emitted"]
        assert 0 < first < 2000
        with Child.of([*waiting, "--wait=inf"]) as emitter:
            emitter.until_asleep()
            slow.signal(signal.SIGCONT)
            heard = [json.loads(slow.hear())["args"][0] for _ in range(first + 2000)]
            assert emitter.process.wait(60) == 0
        assert heard == [*range(first), *range(2000)]
        slow.signal(signal.SIGSTOP)
        until_state(slow.pid, "T")
        with Child.of([*waiting, "--wait=inf"]) as emitter:
            emitter.until_asleep()
            slow.signal(signal.SIGKILL)  # it costs nobody anything any more
            assert emitter.process.wait(60) == 0
        assert small.stats().subscribers == 0


def test_what_is_no_emit_is_told_and_passed_over(run: Run, bus: Bus, place: str) -> None:
    with Topic("site", at=place) as topic:
        for payload in (b"\xff", b"{}", b'["x",[],{}', b'["x",{},[]]', b"[" * 5000, b'["x",[1],{}]'):
            topic.emit(payload)
    result = run("tocsin", "on", "site", "**", "--replay=10", "--once")
    assert (result.returncode, result.stdout) == (0, '{"name":"x","args":[1],"kwargs":{}}\n')
    assert len(result.stderr.splitlines()) == 5
    assert all("no emit" in line for line in result.stderr.splitlines())


WRONG = {
    "no event": (["emit", "site"], 2, "NAME"),
    "no bus": (["emit"], 2, "BUS"),
    "no pattern": (["on", "site"], 2, "PATTERN"),
    "a bad bus": (["emit", "a b", "x"], 2, "A-Z"),
    "a bad event": (["emit", "site", "a..b"], 2, "a..b"),
    "an empty event": (["emit", "site", ""], 2, "empty"),
    "no UTF-8": (["emit", "site", "\udcff"], 2, "UTF-8"),
    "emit by a pattern": (["emit", "site", "a.*"], 2, "pattern"),
    "a bad pattern": (["on", "site", "a*"], 2, "whole parts"),
    "a pattern that is no UTF-8": (["on", "site", "\udcff"], 2, "UTF-8"),
    "no JSON": (["emit", "site", "x", "1", "{"], 2, "no JSON"),
    "bare text": (["emit", "site", "x", "word"], 2, "quotes"),
    "NaN": (["emit", "site", "x", "NaN"], 2, "no JSON"),
    "input and arguments": (["emit", "site", "x", "-", "1"], 2, "'-'"),
    "kwargs, no JSON": (["emit", "site", "x", "--kwargs=k"], 2, "--kwargs"),
    "kwargs, no object": (["emit", "site", "x", "--kwargs=[1]"], 2, "object"),
    "wait": (["emit", "site", "x", "--wait=nan"], 2, "--wait"),
    "too few bytes": (["emit", "new", "x", "--max-bytes=100"], 2, "32768"),
    "other bytes": (["emit", "site", "x", "--max-bytes=100000"], 3, "max_bytes"),
    "another mode": (["on", "site", "x", "--mode=0644"], 3, "mode"),
    "count": (["on", "site", "x", "--count=0"], 2, "count"),
    "once and count": (["on", "site", "x", "--once", "-n", "2"], 2, "--once"),
    "replay": (["on", "site", "x", "--replay=-1"], 2, "replay"),
    "timeout": (["on", "site", "x", "--timeout=x"], 2, "seconds"),
    "another place": (["on", "site", "x", "--at=nowhere"], 2, "place"),
    "another host": (["emit", "site", "x", "--at=redis://h"], 3, "redis://h"),
    "an event in place of a bus": (["emit", "e", "x"], 3, "kind"),
    "listen to an event": (["on", "e", "x"], 3, "kind"),
    "a bus in place of an event": (["set", "site"], 3, "kind"),
    "a bus in place of a queue": (["put", "site", "1"], 3, "kind"),
    "damaged": (["emit", "damaged", "x"], 3, "damaged"),
    "on, damaged": (["on", "damaged", "x"], 3, "damaged"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_calls(case: str, run: Run, bus: Bus, place: str) -> None:
    assert run("evt_set", "e").returncode == 0
    with open(f"{place}/damaged", "wb") as file:
        file.write(b"TOCSIN\0\1" + bytes(4088))
    words, code, says = WRONG[case]
    result = run("tocsin", *words)
    assert (result.returncode, result.stdout) == (code, ""), result
    assert len(result.stderr.splitlines()) == 1, result.stderr
    assert says in result.stderr
    with Topic("site", at=place) as topic:
        assert topic.head == 0


def test_the_page_says_what_happens(run: Run) -> None:
    """Each shell block of docs/howto/bus.md, as it is printed, says what stands in the block behind it."""
    page = (Path(__file__).parents[2] / "docs/howto/bus.md").read_text()
    examples = re.findall(r"```sh\n(.*?)```\n```\n(.*?)```", page, re.DOTALL)
    assert len(examples) == page.count("```sh") == 3
    for script, output in examples:
        assert said(run("bash", "-c", script)) == output
