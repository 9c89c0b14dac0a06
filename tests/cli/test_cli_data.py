"""signal, listen and peek: moments and values, in shells and between shells and Python."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from harness.child import Child
from harness.until import until

from tocsin import DataEvent, Signal

if TYPE_CHECKING:
    from subprocess import CompletedProcess

Run = Callable[..., "CompletedProcess[str]"]
Shell = Callable[[str], "CompletedProcess[str]"]


def said(result: CompletedProcess[str], code: int = 0) -> str:
    assert (result.returncode, result.stderr) == (code, "")
    return result.stdout


def test_every_listener_hears_a_signal(run: Run) -> None:
    with Child.of(["tocsin", "listen", "x"]) as one, Child.of(["tocsin", "listen", "x", "--count", "2"]) as two:
        one.until_asleep()
        two.until_asleep()
        for _ in range(2):
            assert said(run("tocsin", "signal", "x")) == ""
            assert (one.hear(), two.hear()) == ("1", "1")
        assert two.check() == ""
        one.signal(signal.SIGINT)
        assert one.end() == -signal.SIGINT
        assert one.errors() == ""


def test_signals_that_came_before(run: Run) -> None:
    assert said(run("tocsin", "signal", "x", "--json")).strip()
    assert said(run("tocsin", "listen", "x", "--timeout", "0"), 1) == ""
    assert said(run("tocsin", "listen", "x", "--replay", "--count", "1")) == "1\n"
    assert said(run("tocsin", "listen", "x", "--replay", "--timeout", "0.01"), 1) == "1\n"


def test_python_and_a_shell_signal_each_other(run: Run) -> None:
    with Signal("x") as python:
        assert said(run("tocsin", "signal", "x", "x", "y")) == ""
        assert python.wait(0) == 2
        with Child.of(["tocsin", "listen", "x", "--json"]) as shell:
            shell.until_asleep()
            python.signal()
            assert json.loads(shell.hear()) == {"name": "x", "signals": 1}


def test_values(run: Run) -> None:
    assert said(run("tocsin", "signal", "x", "--data", '{"n": [1, null, "ü"]}')) == ""
    assert said(run("tocsin", "listen", "x", "--count=1")) == '{"n":[1,null,"ü"]}\n'
    assert said(run("tocsin", "peek", "x")) == '{"n":[1,null,"ü"]}\n'
    assert said(run("tocsin", "listen", "x", "--no-replay", "--timeout=0"), 1) == ""
    with DataEvent("x") as python, Child.of(["tocsin", "listen", "x", "--json"]) as shell:
        assert python.wait(0) == {"n": [1, None, "ü"]}
        assert json.loads(shell.hear()) == {"name": "x", "value": {"n": [1, None, "ü"]}}
        python.signal("text")
        assert json.loads(shell.hear()) == {"name": "x", "value": "text"}
    assert said(run("tocsin", "peek", "x")) == '"text"\n'
    assert said(run("tocsin", "peek", "x", "--raw")) == "text\n"
    assert said(run("tocsin", "listen", "x", "--raw", "--count=1")) == "text\n"
    assert json.loads(said(run("tocsin", "peek", "x", "--json"))) == {"name": "x", "item": "text"}


@pytest.mark.parametrize("value", ["null", "false", "0", '""', "[]", "{}"])
def test_falsy_values(run: Run, value: str) -> None:
    said(run("tocsin", "signal", "x", f"--data={value}"))
    assert said(run("tocsin", "listen", "x", "--count", "1")) == f"{value}\n"


def test_a_value_from_standard_input(shell: Shell, run: Run) -> None:
    text = "x" * 300_000
    said(run("tocsin", "signal", "x", "--data", "-", input=json.dumps({"text": text})))
    assert json.loads(said(run("tocsin", "peek", "x"))) == {"text": text}
    assert shell("echo '[1]' | tocsin signal x --data=- && tocsin peek x").stdout == "[1]\n"


def test_if_version(run: Run) -> None:
    assert json.loads(said(run("tocsin", "signal", "x", "--data=1", "--if-version=0", "--json")))[0]["version"] == 1
    late = run("tocsin", "signal", "x", "--data=2", "--if-version=0", "--json")
    assert late.returncode == 1
    assert json.loads(late.stdout)[0]["version"] == 1
    assert len(late.stderr.splitlines()) == 1
    assert said(run("tocsin", "peek", "x")) == "1\n"
    said(run("tocsin", "signal", "x", "--data=2", "--if-version=1"))
    assert said(run("tocsin", "peek", "x")) == "2\n"


def test_listen_makes_what_is_asked_for(run: Run, place: str) -> None:
    said(run("tocsin", "listen", "s", "--timeout=0"), 1)
    said(run("tocsin", "listen", "d", "--data", "--timeout=0"), 1)
    rows = json.loads(said(run("tocsin", "ls", "--json")))
    assert {row["name"]: (row["kind"], row["state"]) for row in rows} == {
        "s": ("signal", "silent"),
        "d": ("data", "no value"),
    }
    refused = run("tocsin", "listen", "none", "--no-create", "--timeout=0")
    assert refused.returncode == 3
    assert "none" not in os.listdir(place)


def test_looking_at_them(run: Run, place: str) -> None:
    said(run("tocsin", "signal", "s", "s"))
    said(run("tocsin", "signal", "d", "--data", "[7]"))
    before = sorted(os.listdir(place))
    assert said(run("tocsin", "status", "s", "d")) == "s: signalled, count 2\nd: value, version 1\n"
    rows = json.loads(said(run("tocsin", "stat", "s", "d", "--json")))
    assert [(row["kind"], row["state"], row["generation"]) for row in rows] == [
        ("signal", "signalled", 2),
        ("data", "value", 1),
    ]
    assert said(run("tocsin", "peek", "none"), 1) == ""
    assert run("tocsin", "peek", "s").returncode == 3
    assert sorted(os.listdir(place)) == before
    said(run("tocsin", "rm", "s", "d"))
    assert [name for name in os.listdir(place) if name != ".tocsin.owners"] == []


def test_removing_a_value_leaves_nothing(run: Run, place: str) -> None:
    for size in (10, 10_000, 50_000):  # also those that need files of their own
        said(run("tocsin", "signal", "d", "--data=-", input=json.dumps("x" * size)))
    said(run("tocsin", "rm", "d"))
    assert [name for name in os.listdir(place) if "d" in name.split(".")] == []


WRONG = {
    "no JSON": (["signal", "x", "--data", "{"], 2, "no JSON"),
    "bare text": (["signal", "x", "--data", "word"], 2, "quotes"),
    "NaN": (["signal", "x", "--data", "NaN"], 2, "no JSON"),
    "nothing": (["signal", "x", "--data", ""], 2, "no JSON"),
    "a version without a value": (["signal", "x", "--if-version", "1"], 2, "--data"),
    "a version that is none": (["signal", "x", "--data=1", "--if-version", "x"], 2, "version"),
    "count": (["listen", "x", "--count", "0"], 2, "count"),
    "both": (["listen", "d", "--replay", "--no-replay"], 2, "--replay"),
    "two names": (["listen", "x", "y"], 2, "y"),
    "a value in place of a signal": (["signal", "d"], 3, "--data"),
    "a signal in place of a value": (["signal", "s", "--data=1"], 3, "kind"),
    "a signal in place of an event": (["set", "s"], 3, "kind"),
    "an event in place of a signal": (["signal", "e"], 3, "kind"),
    "listen to an event": (["listen", "e"], 3, "kind"),
    "peek at an event": (["peek", "e"], 3, "status"),
    "listen, damaged": (["listen", "damaged"], 3, "damaged"),
    "peek, damaged": (["peek", "damaged"], 3, "damaged"),
    "peek, bad name": (["peek", "a b"], 2, "A-Z"),
    "signal, no directory": (["signal", "x", "--at", "/nonexistent/place"], 3, "directory"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_calls(case: str, run: Run, place: str) -> None:
    with Signal("s"), DataEvent("d"):
        assert run("evt_set", "e").returncode == 0
        Path(place, "damaged").write_bytes(b"TOCSIN\0\1" + bytes(4088))
        words, code, says = WRONG[case]
        result = run("tocsin", *words)
        assert (result.returncode, result.stdout) == (code, ""), result
        assert len(result.stderr.splitlines()) == 1, result.stderr
        assert says in result.stderr


def test_removed_while_it_listens(run: Run) -> None:
    with Child.of(["tocsin", "listen", "x"]) as listener:
        listener.until_asleep()
        said(run("tocsin", "rm", "x"))
        assert listener.end() == 3
        assert len(listener.errors().splitlines()) == 1


def test_a_reader_that_leaves_ends_it_quietly(shell: Shell) -> None:
    """It learns of that when it has something to say."""
    script = "tocsin listen x | true; echo ${PIPESTATUS[0]}"
    with DataEvent[int]("x") as x, Child.of(["bash", "-c", script]) as pipe:

        def over() -> bool:
            x.signal(1)
            return pipe.process.poll() is not None

        until(over, "it has ended")
        assert pipe.check() == "141\n"
        assert pipe.errors() == ""
    assert shell("tocsin listen x --count 1 >/dev/full").returncode == 3
    assert shell("tocsin listen x --count 1 >&-").returncode == 3


def test_nothing_heavy_is_loaded_for_a_signal() -> None:
    """A plain call pays for what it uses: no codec, no loop, no click, no children."""
    code = (
        "import sys, os; sys.argv = ['tocsin', 'signal', 'x']; os._exit = lambda code: None\n"
        "from tocsin.cli import main; main()\n"
        "print([m for m in ('click', 'msgspec', 'asyncio', 'json', 'subprocess') if m in sys.modules])"
    )
    with Child(code) as child:
        assert child.check() == "[]\n"
