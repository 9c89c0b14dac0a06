"""On a terminal and in a pipe: the same text, without colours, for every verb that draws nothing."""

from __future__ import annotations

import os
import pty
import subprocess

import pytest
from harness.commands import Run, said


def on_a_terminal(command: list[str]) -> str:
    ours, theirs = pty.openpty()
    try:
        with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs) as process:
            os.close(theirs)
            theirs = -1
            text = b""
            try:
                while block := os.read(ours, 65536):
                    text += block
            except OSError:
                pass  # the last one who had it open is gone
            assert process.wait() == 0
    finally:
        os.close(ours)
        if theirs >= 0:
            os.close(theirs)
    return text.decode().replace("\r\n", "\n")


CALLS = [
    ["ls"],
    ["stat", "e"],
    ["status", "e"],
    ["help"],
    ["help", "wait"],
    ["peek", "v"],
    ["check", "e"],
    ["ls", "--json"],
]


@pytest.mark.parametrize("words", CALLS, ids="-".join)
def test_the_same_on_both(words: list[str], run: Run) -> None:
    said(run("tocsin", "set", "e"))
    said(run("tocsin", "signal", "v", "--data", '"text"'))
    on_screen = on_a_terminal(["tocsin", *words])
    in_pipe = said(run("tocsin", *words))
    assert "\x1b" not in on_screen
    assert [line.split()[:3] for line in on_screen.splitlines()] == [line.split()[:3] for line in in_pipe.splitlines()]
