"""`tocsin wait --any` and `--all`."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest
from harness.child import Child

from tocsin import Event, Queue, Signal

if TYPE_CHECKING:
    from pathlib import Path

WAIT = [sys.executable, "-m", "tocsin.cli", "wait"]


def test_any_prints_who_is_ready(place: str) -> None:
    with Event("e", at=place) as event, Queue("q", at=place) as queue, Signal("s", at=place) as signal:
        with Child.of([*WAIT, "--any", "e", "q", "s", "--at", place]) as child:
            child.until_asleep()
            queue.put(1)
            assert child.end() == 0
            assert child.rest == "q\n"
        assert queue.get_nowait() == 1
        with Child.of([*WAIT, "--any", "s", "e", "--at", place, "--json"]) as child:
            child.until_asleep()
            signal.signal()
            assert child.end() == 0
            assert json.loads(child.rest) == {"done": True, "ready": ["s"]}
        event.set()
        with Child.of([*WAIT, "--any", "e", "--at", place]) as child:
            assert child.end() == 0
            assert child.rest == "e\n"


def test_all_waits_for_the_last(place: str) -> None:
    with Event("a", at=place) as one, Child.of([*WAIT, "--all", "a", "b", "--at", place]) as child:
        child.until_asleep()
        one.set()
        child.until_asleep()
        with Event("b", at=place) as two:
            two.set()
        assert child.end() == 0
        assert child.rest == "a\nb\n"


@pytest.mark.parametrize("how", ["--any", "--all"])
def test_in_vain(place: str, how: str) -> None:
    with Child.of([*WAIT, how, "a", "b", "--at", place, "--timeout", "0"]) as child:
        assert child.end() == 1
        assert child.rest == ""


@pytest.mark.parametrize(
    "wrong", [["a", "b"], ["--any", "--all", "a"], ["--any", "a", "--clear"], ["--all", "a", "--since", "3"]]
)
def test_wrong_calls(tmp_path: Path, wrong: list[str]) -> None:
    with Child.of([*WAIT, *wrong, "--at", f"{tmp_path}/p"]) as child:
        assert child.end() == 2
        assert "tocsin wait: " in child.errors()
    assert list(tmp_path.iterdir()) == []


def test_what_was_removed_says_so(place: str) -> None:
    with Event("e", at=place) as event, Child.of([*WAIT, "--any", "e", "f", "--at", place]) as child:
        child.until_asleep()
        event.unlink()
        assert child.end() == 3
        assert "removed" in child.errors()
