"""What a verb's cheapest call imports, and what it therefore costs. The times are in benchmarks/cases/startup."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest
from harness.child import Child
from harness.commands import Run, said

from tocsin import DataEvent, Event, Queue
from tocsin.cli._verbs import VERBS

#: Each costs a quarter of a bare start, or more. Who needs one loads it where it is needed.
HEAVY = {
    "asyncio", "rich", "click", "msgspec", "json", "re", "typing", "subprocess", "threading", "inspect", "dataclasses",
    "ctypes", "anyio", "trio", "argparse", "logging", "tempfile", "multiprocessing", "contextlib", "enum", "queue",
}  # fmt: skip

#: The cheapest real call of each verb, in a place with the event `e`, the value `v` and the queue `q`.
CALLS = {
    "set": "e", "clear": "e", "wait": "e", "status": "e", "signal": "s", "listen": "v --count 1", "put": "q 1",
    "get": "q",
    "peek": "q", "receive": "q", "ls": "", "stat": "e", "rm": "e", "help": "", "completion": "bash", "emit": "b n",
    "on": "b n --timeout 0", "complete": "-- tocsin s", "work": "q --until-empty -- true", "check": "e",
    "top": "--once --interval 0.05",
}  # fmt: skip

#: What a verb may load, and why.
NEEDS = {
    "doctor": "it tries the kernel in processes and directories of its own",
    "demo": "it is a program of its own",
    "run": "the program does it (tests/cli/test_cli_run.py)",
}

#: Modules that a verb really needs.
MAY = {
    "work": {"contextlib", "enum", "queue", "re", "threading", "typing"}
}  # it waits for many things, and handles signals


@pytest.mark.parametrize("verb", CALLS)
def test_nothing_heavy_is_loaded(verb: str, place: str) -> None:
    with Event("e", at=place) as event, DataEvent("v", at=place) as value, Queue("q", at=place) as queue:
        event.set()
        value.signal(1)
        queue.put(1)
    code = (
        "sys.argv = ['tocsin', *sys.argv[1:]]\n"
        "def end(code): os.write(2, ('\\n'.join(sys.modules) + f'\\n# {code}').encode()); real(code)\n"
        "real, os._exit = os._exit, end\n"
        "from tocsin.cli import main\n"
        "sys.exit(main())\n"
    )
    plain = [sys.executable, "-I", "-c", "import os, sys\n" + code, verb, *CALLS[verb].split()]
    with Child.of(plain) as child:
        assert child.end() in (0, 1), child.errors()
        loaded = child.errors().splitlines()
    with Child.of([sys.executable, "-I", "-c", "import sys; print('\\n'.join(sys.modules))"]) as child:
        bare = set(child.check().splitlines())
    assert "tocsin.cli" in loaded
    assert sorted(HEAVY & set(loaded) - bare - MAY.get(verb, set())) == []


def test_every_verb_is_looked_at() -> None:
    assert {verb.name for verb in VERBS} == set(CALLS) | set(NEEDS)


def test_the_script_is_ours(run: Run) -> None:
    """The one that pip writes for an entry point imports `re`, in older versions."""
    script = Path(sys.executable).with_name("tocsin-verbs").read_text()
    assert script.startswith("#!")
    assert re.findall(r"^(?:import|from) (\w+)", script, re.MULTILINE) == ["sys", "tocsin"]
    assert said(run("tocsin-verbs", "--version")) == said(run("tocsin", "--version"))


@pytest.mark.parametrize("words", [["ls"], ["status", "e"], ["stat", "e"]], ids=lambda words: words[0])
def test_documents_are_json(words: list[str], run: Run) -> None:
    """They are written without the json module: it must read them."""
    assert run("evt_set", "e").returncode == 0
    text = said(run("tocsin", *words, "--json"))
    assert text == json.dumps(json.loads(text), indent=2) + "\n"
