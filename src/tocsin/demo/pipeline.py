"""Run the four stages at once, kill a process of one of them half-way, and watch over all of them.

The parent sleeps in one `select` on their pipes, their pids and the signal event. So it knows at once when
a stage dies, and nobody is left waiting for what won't come.
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import sys
import time
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from tocsin import Event, Queue
from tocsin.demo.child import Child, Failed
from tocsin.demo.cpu import children_cpu, others_cpu
from tocsin.demo.deliveries import Deliveries, Kill
from tocsin.demo.items import JOBS, STAY
from tocsin.demo.job import POOL, STAGES, Job, Outcome
from tocsin.demo.ledger import Ledger

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from tocsin import QueueStats
    from tocsin.demo.plain import Entry
    from tocsin.demo.progress import Progress
    from tocsin.demo.stop import Stop


class Pipeline:
    def __init__(self, how: str, job: Job, run: Path, at: str) -> None:
        self.how: str = how
        self.at: str = at
        self.work: Sequence[Sequence[str]] = job.work
        self.run: Path = run
        self.workers: int = job.workers
        tools, count = job.tools, str(len(job.work))
        python = [sys.executable, "-P", "-m"]  # -P: the run's folders are no packages
        self.commands: dict[str, list[str]] = {
            "archive": ["sh", tools.archive, how, count, str(job.window), str(job.root), tools.hash],
            "hash": [tools.hash, how, count],
            "report": [*python, "tocsin.demo.report", how, count],
        }
        for place in range(self.workers):
            polling = [*python, "tocsin.demo.looker", count, str(place), str(self.workers)]
            self.commands[f"worker {place + 1}"] = [*python, "tocsin.demo.worker"] if how == "events" else polling
        self.environment: dict[str, str] = {**os.environ, "TOCSIN_AT": at, "PATH": tools.path}
        self.ledger: Ledger = Ledger()
        self.deliveries: Deliveries = Deliveries()
        self.children: set[Child] = set()
        self.victim: Child | None = None
        self.kill: Kill | None = None
        self.lists: int = 0

    def execute(self, progress: Progress, stop: Stop) -> Outcome:
        for folder in ("list", "events", *STAGES):
            (self.run / folder).mkdir()
        self._publish_lists(len(self.work) - 1)
        before, others, began = children_cpu(), others_cpu(), time.monotonic()
        with selectors.DefaultSelector() as selector:
            selector.register(stop.event.fileno(), selectors.EVENT_READ)
            try:
                for name, argv in self.commands.items():
                    self._start(name, argv, selector)
                self._perhaps_kill(progress)
                while self.children:
                    for key, _ in selector.select():
                        stop.check()
                        self._serve(key, selector, progress)
            finally:
                for child in self.children:
                    child.end()
        wall, cpu = time.monotonic() - began, children_cpu() - before
        others = max(0.0, others_cpu() - others)
        result: dict[str, Entry] = json.loads((self.run / "result").read_bytes())
        return Outcome(
            self.how, wall, cpu, others, self.ledger, self.workers, self.kill, self.deliveries, self._queue(), result
        )

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
        self._enter(child, lines, progress)
        self._perhaps_kill(progress)
        if child not in self.children:
            self._ended(child, selector, progress)

    def _enter(self, child: Child, lines: Iterable[str], progress: Progress) -> None:
        for line in lines:
            if self.ledger.enter(child.process.pid, child.stage, line) is not None:
                progress.advance(child.stage)
            if back := self.deliveries.enter(child.name, line):
                progress.note(f"{POOL}: batch {back.batch} is back: {back}")

    def _perhaps_kill(self, progress: Progress) -> None:
        """SIGKILL, in the middle of whatever it is doing, when half of the batches are parsed."""
        done, batches = len(self.ledger.announced[POOL]), len(self.work)
        if self.victim is not None or done < batches // 2:
            return
        if self.how == "polling":  # the one that has the last batch to do
            name = f"worker {(batches - 1) % self.workers + 1}"
            for child in [child for child in self.children if child.name == name]:
                self._kill(child, done)
            return
        for child in [child for child in self.children if self.deliveries.held_by(child.name)]:
            self._enter(child, child.stop(), progress)  # its last word may be older than its last deed
            if self.deliveries.held_by(child.name):
                self._kill(child, len(self.ledger.announced[POOL]))
                return
            child.go_on()
        if done >= batches - 1:  # nobody could be caught so far: whoever gets the last one waits for us
            with Event(STAY, at=self.at) as stay:
                stay.set()
            self._publish_lists(batches)

    def _kill(self, child: Child, done: int) -> None:
        self.victim, self.deliveries.killed_at = child, time.monotonic_ns()
        child.kill()
        self.kill = Kill(child.name, "", done, self.deliveries.held_by(child.name))
        if self.how == "events":
            with Event(STAY, at=self.at) as stay:
                stay.clear()

    def _ended(self, child: Child, selector: selectors.BaseSelector, progress: Progress) -> None:
        code, batches = child.process.returncode, len(self.work)
        if child is self.victim and self.kill is not None and code == -signal.SIGKILL:
            self.kill = replace(self.kill, signal=signal.Signals(-code).name)
            if self.how == "polling":
                successor, then = child.name, "; it is started again"
            else:
                successor = f"worker {self.workers + 1}"
                then = f" with {self.kill.holding()}; {successor} is started"
            progress.note(f"{POOL}: SIGKILL after {self.kill.after} of {batches} batches, for {child.name}{then}")
            self._start(successor, child.argv, selector)
            # The last list comes only now. So nobody can have been through before it was hit.
            self._publish_lists(batches)
        elif code != 0 or self._is_short_of(child.stage):
            raise Failed(child.how_it_ended())

    def _is_short_of(self, stage: str) -> bool:
        """Is nobody left in the stage, and something undone?"""
        alone = all(child.stage != stage for child in self.children)
        return alone and len(self.ledger.announced[stage]) < len(self.work)

    def _start(self, name: str, argv: Sequence[str], selector: selectors.BaseSelector) -> None:
        child = Child(name if name in STAGES else POOL, name, argv, self.run, self.environment)
        self.children.add(child)
        selector.register(child.lines_fd, selectors.EVENT_READ, child)
        selector.register(child.end_fd, selectors.EVENT_READ, child)

    def _publish_lists(self, end: int) -> None:
        """The files of each batch before `end`, one a line, for tar."""
        for batch in range(self.lists, end):
            hidden = self.run / "list" / f".{batch}"
            hidden.write_bytes(b"".join(os.fsencode(name) + b"\n" for name in self.work[batch]))
            hidden.rename(self.run / "list" / str(batch))
            if self.how == "events":
                with Event(f"list/{batch}", at=self.at) as event:
                    event.set()
        self.lists = max(self.lists, end)

    def _queue(self) -> QueueStats | None:
        if self.how == "polling":
            return None
        with Queue(JOBS, at=self.at, create=False) as queue:
            return queue.stats()
