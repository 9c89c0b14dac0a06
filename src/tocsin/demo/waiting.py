"""How Python waits for results and announces them: with events, or by looking every 50 ms.

A result has a name such as `report/7`. It is written hidden and renamed, so it is complete once it is
there: with polling the rename is the announcement, with events the event of the same name is set after it.
Both are idempotent, which is all that a restart needs.

Every wait and every announcement becomes one line on standard output, for the process that started us:

    announced BATCH BEGAN ENDED CPU
    put QUEUE BATCH BEGAN                        into a queue that somebody waits on
    waited SOURCE BATCH BEGAN ENDED CPU          times of CLOCK_MONOTONIC and CPU time, in ns
    spent CPU                                    that went into waiting without belonging to one wait
"""

from __future__ import annotations

import asyncio
import os
import time
from abc import ABC, abstractmethod
from pathlib import Path

from tocsin import Event

PATIENCE = 120.0
"""Seconds. Whoever waits this long is on its own: whatever started the pipeline was killed."""

POLL = 0.05


def say(*words: object) -> None:
    """One line in one write: threads and a shell's children share the pipe."""
    os.write(1, (" ".join(map(str, words)) + "\n").encode())


def result(stage: str, batch: int) -> str:
    return f"{stage}/{batch}"


class Waiting(ABC):
    """The waits and announcements of one stage."""

    def __init__(self, stage: str) -> None:
        self.stage = stage

    @abstractmethod
    def publish(self, hidden: str, name: str) -> int:
        """Give a result its name and tell everyone. Returns the time at which the telling began."""

    @abstractmethod
    async def sleep_async(self, name: str) -> bool:
        """Wait for a result; False when PATIENCE ran out."""

    def announce(self, batch: int, content: bytes) -> None:
        """Write the result of a batch, and announce it."""
        hidden = f"{self.stage}/.{batch}"
        Path(hidden).write_bytes(content)
        began = self.publish(hidden, result(self.stage, batch))
        say("announced", batch, began, time.monotonic_ns(), 0)

    async def wait_async(self, source: str, batch: int) -> None:
        """A loop's CPU time belongs to no single wait: the stage says at the end what it `spent`."""
        began = time.monotonic_ns()
        arrived = await self.sleep_async(result(source, batch))
        say("waited", source, batch, began, time.monotonic_ns(), 0)
        if not arrived:
            raise SystemExit(f"no {result(source, batch)} in {PATIENCE:.0f} s")


class Events(Waiting):
    def publish(self, hidden: str, name: str) -> int:
        Path(hidden).rename(name)
        with Event(name) as event:
            began = time.monotonic_ns()
            event.set()
        return began

    async def sleep_async(self, name: str) -> bool:
        with Event(name) as event:
            return await event.wait_async(PATIENCE)


class Polling(Waiting):
    def publish(self, hidden: str, name: str) -> int:
        began = time.monotonic_ns()
        Path(hidden).rename(name)
        return began

    def announce_again(self, batch: int) -> None:
        """For the successor of a killed process, which may have died after the rename and before it said so."""
        now = time.monotonic_ns()
        say("announced", batch, now, now, 0)

    def wait(self, source: str, batch: int) -> None:
        """For a thread."""
        cpu, began = time.thread_time_ns(), time.monotonic_ns()
        arrived = self.sleep(result(source, batch))
        ended = time.monotonic_ns()
        say("waited", source, batch, began, ended, time.thread_time_ns() - cpu)
        if not arrived:
            raise SystemExit(f"no {result(source, batch)} in {PATIENCE:.0f} s")

    def sleep(self, name: str) -> bool:
        deadline = time.monotonic() + PATIENCE
        while not Path(name).exists():
            if time.monotonic() > deadline:
                return False
            time.sleep(POLL)
        return True

    async def sleep_async(self, name: str) -> bool:
        deadline = time.monotonic() + PATIENCE
        while not Path(name).exists():  # noqa: ASYNC240 - a RAM disk doesn't block a loop
            if time.monotonic() > deadline:
                return False
            await asyncio.sleep(POLL)
        return True


def waiting(how: str, stage: str) -> Waiting:
    return {"events": Events, "polling": Polling}[how](stage)
