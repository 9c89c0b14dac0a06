"""One table of exit codes: the code, the native programs, the page and the commands themselves agree."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from harness.commands import Run, damage

from tocsin import Bus, DataEvent, Event, Queue, Signal
from tocsin.cli import _codes, _exit
from tocsin.cli._verbs import VERBS

ROOT = Path(__file__).parents[2]

#: verb and code: a shell line that ends with it. `damaged` is a damaged object, `full` a queue that is full, `dead` an
#: event whose owner died, `q` a queue with an item, `v` a value, `bus` a bus with an emit, `folder` a directory.
LINES = {
    ("set", 0): "tocsin set x", ("set", 2): "tocsin set .x", ("set", 3): "tocsin set damaged",
    ("clear", 0): "tocsin clear x", ("clear", 2): "tocsin clear", ("clear", 3): "tocsin clear x --no-create",
    ("wait", 0): "tocsin wait is", ("wait", 1): "tocsin wait x --timeout 0", ("wait", 2): "tocsin wait x --timeout z",
    ("wait", 3): "tocsin wait damaged", ("wait", 4): "tocsin wait dead",
    ("status", 0): "tocsin status is", ("status", 1): "tocsin status x", ("status", 2): "tocsin status --zz x",
    ("status", 3): "tocsin status damaged",
    ("signal", 0): "tocsin signal s", ("signal", 1): "tocsin signal v --data 2 --if-version 7",
    ("signal", 2): "tocsin signal v --data nonsense", ("signal", 3): "tocsin signal q",
    ("listen", 0): "tocsin listen v --count 1", ("listen", 1): "tocsin listen s --timeout 0",
    ("listen", 2): "tocsin listen v --replay --no-replay", ("listen", 3): "tocsin listen q --count 1",
    ("emit", 0): "tocsin emit bus a.b 1", ("emit", 1): None, ("emit", 2): "tocsin emit bus a.b nonsense",
    ("emit", 3): "tocsin emit q a.b",
    ("on", 0): "tocsin on bus '**' --replay 1 --once", ("on", 1): "tocsin on bus '**' --timeout 0",
    ("on", 2): "tocsin on bus", ("on", 3): "tocsin on bus '**' --replay 1 --once -- false",
    ("put", 0): "tocsin put q 1", ("put", 1): "tocsin put full 2 --timeout 0", ("put", 2): "tocsin put q nonsense",
    ("put", 3): "tocsin put is 1",
    ("get", 0): "tocsin get q", ("get", 1): "tocsin get empty --timeout 0", ("get", 2): "tocsin get q r",
    ("get", 3): "tocsin get is",
    ("receive", 0): "tocsin receive q -- cat", ("receive", 1): "tocsin receive empty --timeout 0 -- cat",
    ("receive", 2): "tocsin receive q --count 0", ("receive", 3): "tocsin receive q -- false",
    ("work", 0): "tocsin work q --until-empty -- cat", ("work", 2): "tocsin work q",
    ("work", 3): "tocsin work is --until-empty -- cat", ("work", 126): "tocsin work q -- ./folder",
    ("work", 127): "tocsin work q -- no-such-command",
    ("peek", 0): "tocsin peek q", ("peek", 1): "tocsin peek empty", ("peek", 2): "tocsin peek",
    ("peek", 3): "tocsin peek is",
    ("run", 0): "tocsin run --after is -- true", ("run", 2): "tocsin run",
    ("run", 123): "tocsin run --after dead -- true",
    ("run", 124): "tocsin run --after x --timeout 0 -- true", ("run", 125): "tocsin run --after damaged -- true",
    ("run", 126): "tocsin run -- ./folder", ("run", 127): "tocsin run -- no-such-command",
    ("ls", 0): "tocsin ls", ("ls", 2): "tocsin ls --at nowhere", ("ls", 3): "tocsin ls --at /proc/version",
    ("stat", 0): "tocsin stat is", ("stat", 2): "tocsin stat", ("stat", 3): "tocsin stat x",
    ("top", 0): "tocsin top --once --interval 0.05", ("top", 2): "tocsin top",
    ("top", 3): "tocsin top --once --at redis://host",
    ("doctor", 0): "tocsin doctor", ("doctor", 2): "tocsin doctor x",
    ("doctor", 3): "tocsin doctor --at /no/such/place",
    ("check", 0): "tocsin check is", ("check", 1): "tocsin check damaged", ("check", 2): "tocsin check .x",
    ("check", 3): "tocsin check x",
    ("rm", 0): "tocsin rm is", ("rm", 2): "tocsin rm", ("rm", 3): "tocsin rm x",
    ("demo", 0): None, ("demo", 1): None, ("demo", 2): "tocsin demo /no/such/tree",
    ("help", 0): "tocsin help", ("help", 2): "tocsin help nonsense",
    ("completion", 0): "tocsin completion bash", ("completion", 2): "tocsin completion csh",
}  # fmt: skip

#: Tried elsewhere, because a line is not enough.
ELSEWHERE = {
    ("demo", 0): "tests/demo/test_demo.py", ("demo", 1): "tests/demo/test_demo_parts.py",
    ("emit", 1): "tests/cli/test_cli_bus.py",
}  # fmt: skip

NATIVE = {
    ("evt_set", 0): "evt_set x", ("evt_set", 2): "evt_set", ("evt_set", 3): "evt_set damaged",
    ("evt_clear", 0): "evt_clear x", ("evt_clear", 2): "evt_clear a b", ("evt_clear", 3): "evt_clear damaged",
    ("evt_wait", 0): "evt_wait is", ("evt_wait", 1): "evt_wait x 0", ("evt_wait", 2): "evt_wait x z",
    ("evt_wait", 3): "evt_wait damaged", ("evt_wait", 4): "evt_wait dead",
}  # fmt: skip

TRIED = {**{pair: line for pair, line in LINES.items() if line}, **NATIVE}


@pytest.fixture
def _a_bit_of_all(place: str, run: Run) -> None:
    for name in ("is", "damaged"):
        with Event(name, at=place) as event:
            event.set()
    damage(Path(place, "damaged"), 20)
    with Signal("s", at=place) as sound, DataEvent("v", at=place) as value:
        sound.signal()
        value.signal(1)
    with Queue("q", at=place) as queue, Queue("full", at=place, maxsize=1) as full, Queue("empty", at=place):
        queue.put(1)
        full.put(1)
    with Bus("bus", at=place) as bus:
        bus.emit("a.b", (1,))
    assert run("tocsin", "run", "--sets", "dead", "--", "false").returncode == 1


@pytest.mark.usefixtures("_a_bit_of_all")
@pytest.mark.parametrize(("verb", "code"), TRIED, ids=str)
def test_each_code_by_a_real_command(verb: str, code: int, run: Run, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    result = run("sh", "-c", TRIED[verb, code], cwd=tmp_path, stdin=subprocess.DEVNULL)
    assert result.returncode == code, result.stderr
    assert "Traceback" not in result.stderr
    if code >= 2 and verb not in ("doctor", "check"):  # these two tell it all on standard output
        assert len(result.stderr.splitlines()) == 1, result.stderr


def test_each_verbs_codes_are_tried() -> None:
    pairs = {(verb.name, code) for verb in VERBS if not verb.hidden for code in _codes.of(verb.name)}
    assert pairs == set(LINES)
    assert {pair for pair, line in LINES.items() if line is None} == set(ELSEWHERE)
    assert all((ROOT / path).exists() for path in ELSEWHERE.values())
    assert {code for _, code in pairs} == set(_codes.MEANINGS)


def test_the_native_programs_have_the_same_numbers() -> None:
    text = (ROOT / "core/programs/program.h").read_text() + (ROOT / "core/programs/run.h").read_text()
    native = {name: int(number) for name, number in re.findall(r"\b((?:PROGRAM|RUN)_\w+) = (\d+)", text)}
    assert native == {
        "PROGRAM_OK": _exit.OK, "PROGRAM_TIMED_OUT": _exit.NOT_SET, "PROGRAM_USAGE": _exit.USAGE,
        "PROGRAM_FAILED": _exit.FAILED, "PROGRAM_OWNER_DIED": _exit.OWNER_DIED,
        "RUN_OWNER_DIED": _codes.RUN_OWNER_DIED, "RUN_TIMED_OUT": _codes.RUN_TIMED_OUT, "RUN_FAILED": _codes.RUN_FAILED,
        "RUN_NOT_RUNNABLE": _exit.NOT_RUNNABLE, "RUN_NOT_FOUND": _exit.NO_COMMAND,
    }  # fmt: skip


def test_the_page_has_the_same_table() -> None:
    page = (ROOT / "docs/reference/commands.md").read_text()
    table = page.partition("## Exit codes")[2].partition("\n## ")[0]
    found = {int(code) for row in re.findall(r"^\| ([\d, ]+) \|", table, re.MULTILINE) for code in row.split(",")}
    assert found == set(_codes.MEANINGS)
    for verb, codes in _codes.OF_VERB.items():
        if 1 in codes and verb not in ("demo", "complete"):
            assert f"`{verb}" in table, f"{verb} can end with 1, which the page does not say"
