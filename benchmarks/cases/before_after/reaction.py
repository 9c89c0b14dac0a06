"""From just before what a program waits for happens until it has reacted: a line on its standard output."""

from __future__ import annotations

import os
import random
import time
from typing import TYPE_CHECKING

from benchmarks.cases.before_after import COUNT, JOBS, READY
from benchmarks.cases.before_after.programs import HABITS, all_waiting
from benchmarks.harness import Table
from benchmarks.procs import place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.cases import Effort


def run(effort: Effort) -> Iterator[Table]:
    table = Table("reaction", "from just before it happens until the program that waits has reacted", "us")
    table.values = {habit.name: [] for habit in HABITS}
    chance = random.Random(6)
    for number in range(effort.rounds()):
        with place() as here, all_waiting(os.path.join(here, str(number))) as waiters:
            # Who comes first turns. Nobody is asked at a moment that depends on when it last looked.
            for waiter in [*waiters[number % len(waiters) :], *waiters[: number % len(waiters)]]:
                time.sleep(chance.uniform(0, waiter.habit.period_s))
                table.values[waiter.habit.name].append(waiter.answer_us())
    for before, after in (READY, COUNT, JOBS):
        table.at_least("reacts sooner", after, before, 10)
    table.print("")
    yield table


CASES = {"reaction": run}
