"""Processes that are stopped (SIGSTOP, Ctrl-Z, `docker pause`) while they hold what others need.

A stopped process is not dead, so nobody takes away what it holds. Who needs the short lock of a queue, a data event
or a bus waits up to his own deadline; who needs what it received, or the lock that it has, waits until it goes on.
"""

from __future__ import annotations

import os
import sys

from tocsin.cli._books import Books, command_of
from tocsin.cli._fitness import FAIL, OK, WARN, Finding
from tocsin.cli._kinds import BUS, DATA, EVENT, LOCK, QUEUE, kind_of
from tocsin.cli._walk import Seen, places

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_NAME = "stopped"
#: Where a kind has its short locks (core/objects/data.h, queue.h, topic.h).
_SHORT_LOCKS = {DATA: (128,), QUEUE: (192, 224), BUS: (192,)}
_ID_SHIFT = 2  # core/parts/short_lock.h: the holder's id stands above two bits


def stopped(at: str | None) -> list[Finding]:
    """A line for each process that is stopped and holds something in the place; one that says so, if there is none."""
    books = Books(())
    findings: dict[tuple[str, int, str], Finding] = {}
    try:
        for place in places([], at):
            for one in place.look([]):
                for level, owner, what in _held(one):
                    pid = books.pid_of(owner)
                    if pid and (level, pid, what) not in findings and _is_stopped(pid):
                        findings[level, pid, what] = _finding(level, pid, what)
    except Exception as trouble:  # noqa: BLE001 - the place itself has a line of its own
        return [Finding(OK, _NAME, f"not looked for: {trouble}")]
    return list(findings.values()) or [Finding(OK, _NAME, "no stopped process holds anything here")]


def _finding(level: str, pid: int, what: str) -> Finding:
    command = command_of(pid)
    who = f"pid {pid} ({command})" if command else f"pid {pid}"
    mend = "those who need it wait until it goes on"
    if level == FAIL:
        mend = "those who use the object wait, up to their deadlines"
    return Finding(level, _NAME, f"{who} is stopped and holds {what}", f"{mend}: kill -CONT {pid}, or kill -KILL {pid}")


def _held(one: Seen) -> Iterator[tuple[str, int, str]]:
    """(level, owner's id, what he has)."""
    found = one.found
    if found is None:
        return
    kind, whose = found["kind"], f"{kind_of(found)} {one.name!r}"
    for owner in _short_holders(one.path, kind):
        yield FAIL, owner, f"the short lock of {whose}"
    if kind in (EVENT, LOCK) and found["claim"] > 1:
        yield WARN, found["claim"], whose
    if kind == QUEUE:
        for owner, held, *_ in found.get("takers", ()):
            if held:
                yield WARN, owner, f"items of {whose}"


def _short_holders(path: str, kind: int) -> list[int]:
    offsets = _SHORT_LOCKS.get(kind, ())
    if not offsets:
        return []
    try:
        file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return []
    try:
        words = [int.from_bytes(os.pread(file, 8, offset), sys.byteorder) for offset in offsets]
    except OSError:
        return []
    finally:
        os.close(file)
    return [word >> _ID_SHIFT for word in words if word]


def _is_stopped(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b")")[2].split()[0] in (b"T", b"t")
    except (OSError, IndexError):
        return False
