"""Run the four stages at once, kill one of them half-way, start it again, and watch over all of them.

The parent sleeps in one `select` on their pipes, their pids and the signal event. So it knows at once when
a stage dies, and nobody is left waiting for what won't come.
"""

from __future__ import annotations

import json
import os
import resource
import selectors
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tocsin import Event
from tocsin.demo.child import Child, Failed
from tocsin.demo.ledger import Ledger

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tocsin.demo.plain import Entry
    from tocsin.demo.progress import Progress
    from tocsin.demo.stop import Stop
    from tocsin.demo.tools import Tools

STAGES = ("archive", "hash", "parse", "report")
VICTIM = "parse"
WINDOW = 3
"""Batches in flight. The archives of so many stand on the RAM disk at a time."""


@dataclass(frozen=True)
class Outcome:
    how: str
    wall: float
    cpu: float
    others: float
    """CPU time of everybody else on the machine meanwhile: when it is much, compare nothing."""
    ledger: Ledger
    killed_after: int
    result: dict[str, Entry]


@dataclass(frozen=True)
class Job:
    root: Path
    work: Sequence[Sequence[str]]
    tools: Tools


class Pipeline:
    def __init__(self, how: str, job: Job, run: Path) -> None:
        self.how, self.work, self.run = how, job.work, run
        tools, count = job.tools, str(len(job.work))
        python = [sys.executable, "-P", "-m"]  # -P: the run's folders are no packages
        self.commands = {
            "archive": ["sh", tools.archive, how, count, str(WINDOW), str(job.root), tools.hash],
            "hash": [tools.hash, how, count],
            "parse": [*python, "tocsin.demo.parse", how, count],
            "report": [*python, "tocsin.demo.report", how, count],
        }
        self.environment = {**os.environ, "TOCSIN_AT": str(run / "events"), "PATH": tools.path}
        self.ledger = Ledger()
        self.children: set[Child] = set()
        self.victim: Child | None = None
        self.killed_after = -1

    def execute(self, progress: Progress, stop: Stop) -> Outcome:
        for folder in ("list", "events", *STAGES):
            (self.run / folder).mkdir()
        for batch in range(len(self.work) - 1):
            self._publish_list(batch)
        before, others, began = _children_cpu(), _others_cpu(), time.monotonic()
        with selectors.DefaultSelector() as selector:
            selector.register(stop.event.fileno(), selectors.EVENT_READ)
            try:
                for stage in STAGES:
                    self._start(stage, selector)
                self._perhaps_kill()
                while self.children:
                    for key, _ in selector.select():
                        stop.check()
                        self._serve(key, selector, progress)
            finally:
                for child in self.children:
                    child.end()
        wall, cpu = time.monotonic() - began, _children_cpu() - before
        others = max(0.0, _others_cpu() - others)
        result: dict[str, Entry] = json.loads((self.run / "result").read_bytes())
        return Outcome(self.how, wall, cpu, others, self.ledger, self.killed_after, result)

    def _serve(self, key: selectors.SelectorKey, selector: selectors.BaseSelector, progress: Progress) -> None:
        child = key.data
        if child not in self.children:  # ended a moment ago, in the same round
            return
        if key.fd == child.lines_fd:
            lines = child.read()
            if not lines:
                with suppress(KeyError):  # the end of its pipe: wait for the end of the process alone
                    selector.unregister(child.lines_fd)
        else:
            for fd in (child.lines_fd, child.end_fd):
                with suppress(KeyError):
                    selector.unregister(fd)
            self.children.remove(child)
            lines = child.end()
        for line in lines:
            if self.ledger.enter(child.process.pid, child.stage, line) is not None:
                progress.advance(child.stage)
        self._perhaps_kill()
        if child not in self.children:
            self._ended(child, selector, progress)

    def _perhaps_kill(self) -> None:
        """SIGKILL, in the middle of whatever it is doing, when half of its batches are announced."""
        done = len(self.ledger.announced[VICTIM])
        if self.victim is None and done >= len(self.work) // 2:
            self.victim = next(child for child in self.children if child.stage == VICTIM)
            self.victim.kill()
            self.killed_after = done

    def _ended(self, child: Child, selector: selectors.BaseSelector, progress: Progress) -> None:
        if child is self.victim and child.process.returncode == -9:
            progress.note(f"{VICTIM}: SIGKILL after {self.killed_after} of {len(self.work)} batches, started again")
            self._start(VICTIM, selector)
            # The last list comes only now. So the victim can't have been through before it was hit.
            self._publish_list(len(self.work) - 1)
        elif child.process.returncode != 0 or len(self.ledger.announced[child.stage]) < len(self.work):
            raise Failed(child.how_it_ended())

    def _start(self, stage: str, selector: selectors.BaseSelector) -> None:
        child = Child(stage, self.commands[stage], self.run, self.environment)
        self.children.add(child)
        selector.register(child.lines_fd, selectors.EVENT_READ, child)
        selector.register(child.end_fd, selectors.EVENT_READ, child)

    def _publish_list(self, batch: int) -> None:
        """The files of a batch, one a line, for tar."""
        hidden = self.run / "list" / f".{batch}"
        hidden.write_bytes(b"".join(os.fsencode(name) + b"\n" for name in self.work[batch]))
        hidden.rename(self.run / "list" / str(batch))
        if self.how == "events":
            with Event(f"list/{batch}", at=str(self.run / "events")) as event:
                event.set()


def _children_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _others_cpu() -> float:
    """What the machine has used (all of the first line of /proc/stat but idle and waiting for disks), less ours."""
    user, nice, system, _idle, _disk, interrupts, soft, *_ = Path("/proc/stat").read_text().split("\n")[0].split()[1:]
    used = sum(map(int, (user, nice, system, interrupts, soft))) / os.sysconf("SC_CLK_TCK")
    return used - time.process_time() - _children_cpu()
