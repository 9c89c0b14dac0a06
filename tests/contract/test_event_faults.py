"""Every system call of an operation is made to fail once: an error or a success, and the event is sound."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from harness.child import _PREAMBLE, TESTS
from harness.places import fresh_place
from harness.prove import cases

from tocsin import Event

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.local("the system calls of this host fail")

#: The operations. Each runs between two marks in the trace: an access(2) of /begin and of /end.
#: The waits are so long that they come to sleep on a busy machine, too.
OPERATIONS = {
    "open new": ("", "e = Event('x', at=at)"),
    "open old": ("Event('x', at=at).close()", "e = Event('x', at=at)"),
    "open anonymous": ("", "e = Event()"),
    "fileno": ("e = Event('x', at=at)", "e.fileno()"),
    "set heard": ("e = Event('x', at=at); f = Event('x', at=at); f.fileno()", "e.set()"),
    "clear": ("e = Event('x', at=at); e.fileno(); e.set()", "e.clear()"),
    "wait": ("e = Event('x', at=at)", "e.wait(0.05)"),
    "wait_clear": ("e = Event('x', at=at); e.set()", "e.wait_clear(0.05)"),
    "unlink": ("e = Event('x', at=at); e.fileno()", "e.unlink()"),
}

ERRORS = ("EMFILE", "ENOSPC", "EINTR", "ENOMEM")

#: Calls that can't fail that way, or whose failure the interpreter itself does not survive.
SPARED = {"access", "munmap", "rt_sigprocmask", "rt_sigaction", "brk", "exit_group", "getpid", "geteuid", "getuid"}

_SCRIPT = (
    _PREAMBLE
    + """
import tocsin._stats
at, before, what = sys.argv[1:4]
exec(before)
os.access("/begin", 0)
try: exec(what); say("done")
except OSError as error: say("refused", type(error).__name__)
except tocsin.TocsinError as error: say("refused", type(error).__name__)
finally: os.access("/end", 0)
"""
)

needs_strace = pytest.mark.skipif(shutil.which("strace") is None, reason="strace makes the calls fail: install it")


def traced(place: str, operation: str, *options: str) -> tuple[str, list[str]]:
    """What the operation said, and the names of the system calls that it made, in order."""
    for left in os.listdir(place):
        os.unlink(f"{place}/{left}")
    before, what = OPERATIONS[operation]
    log = Path(place).with_suffix(".trace")
    code = _SCRIPT.format(tests=str(TESTS))
    command = ["strace", "-f", "-o", str(log), *options, sys.executable, "-c", code, place, before, what]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    lines = log.read_text().splitlines()
    log.unlink()
    calls = [found.group(1) for line in lines if (found := re.match(r"\d+ +(\w+)\(", line))]
    marks = [i for i, line in enumerate(lines) if '"/begin"' in line or '"/end"' in line]
    assert len(marks) == 2, done.stderr
    assert done.returncode == 0, done.stderr
    # The interpreter's own locks are private futexes, and glibc aborts when one fails: they are not ours.
    between = [
        found.group(1)
        for line in lines[marks[0] + 1 : marks[1]]
        if (found := re.match(r"\d+ +(\w+)\(", line)) and "_PRIVATE" not in line
    ]
    earlier = [found.group(1) for line in lines[: marks[0]] if (found := re.match(r"\d+ +(\w+)\(", line))]
    traced.earlier = earlier  # how often each call came before, to count from there
    assert calls
    return done.stdout, between


def ptrace_works() -> bool:
    return subprocess.run(["strace", "-o", "/dev/null", "true"], capture_output=True, check=False).returncode == 0


@needs_strace
@pytest.mark.prove
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_system_call_fails_once(operation: str, tally: Callable[[str], None]) -> None:
    if not ptrace_works():
        pytest.skip("this container forbids ptrace, without which strace can't make calls fail")
    count = refused = 0
    with fresh_place() as place:
        said, calls = traced(place, operation)
        assert said == "done\n"
        earlier = list(traced.earlier)
        if "futex" in calls and operation not in {"wait", "set heard"}:
            calls = [name for name in calls if name != "futex"]
        points = [
            (name, earlier.count(name) + calls[: i + 1].count(name))
            for i, name in enumerate(calls)
            if (name not in SPARED and name != "write") or (name == "write" and i < len(calls) - 1)
        ]
        points = [point for point in points if point[0] != "write" or operation == "set heard"]
        errors = ERRORS[: cases(1, 4)] if operation not in ("open new", "set heard") else ERRORS[: cases(2, 4)]
        for name, number in points:
            for error in errors:
                inject = f"inject={name}:error={error}:when={number}"
                said, _ = traced(place, operation, "-e", inject)
                count += 1
                refused += said.startswith("refused")
                assert said.startswith(("done", "refused")), (inject, said)
                sound(place, operation, (inject, said))
    assert count > 0
    tally(f"{count} failed calls, {refused} refused, the rest did without")


def sound(place: str, operation: str, what: object) -> None:
    """Whatever failed: no half-made name is visible, and the event works."""
    visible = [name for name in os.listdir(place) if not name.startswith(".")]
    assert visible in ([], ["x"]), what
    with Event("x", at=place) as event:
        event.fileno()
        event.clear()
        assert not event.is_set()
        event.set()
        assert event.wait(0), (operation, what)
