"""Stage 3 with queues: one process of the pool. It receives batches, and hands their counts on.

    python -m tocsin.demo.worker

It can be killed anywhere. What it held is then received by another, as attempt 2, and as it may have died
between its work and the ack, the same counts may be handed on twice: whoever collects them goes by the
batch's number. Its lines, beside those of waiting.py:

    received BATCH ATTEMPT TIME     from now on this process holds the item
    done BATCH                      the ack is about to come: whether it still holds it, nobody can know
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from tocsin import Empty, Event, Queue, ShutDown
from tocsin.demo.items import FOUND, JOBS, STAY, Found, Job
from tocsin.demo.parse import counts, in_threads
from tocsin.demo.waiting import PATIENCE, result, say

if TYPE_CHECKING:
    from tocsin import Delivery
    from tocsin.demo.plain import Counts


def do(delivery: Delivery[Job], found: Queue[Found]) -> None:
    batch = delivery.item.batch
    archive = result("archive", batch)
    counted: list[Counts | None] | None
    try:
        counted = counts(archive)
    except FileNotFoundError:
        # Whoever had it before was killed between its put and its ack: it has been reported, and its archive removed.
        if delivery.attempt == 1 or not Path(result("report", batch)).exists():
            raise
        counted = None
    say("done", batch)
    began = time.monotonic_ns()
    if counted is not None:
        found.put(Found(batch, counted))
    say("announced", batch, began, time.monotonic_ns(), 0)


def work(jobs: Queue[Job], found: Queue[Found], stay: Event) -> None:
    """Until the queue is shut down, which is when everything has been reported."""
    while True:
        cpu, began = time.thread_time_ns(), time.monotonic_ns()
        try:
            delivery = jobs.receive(PATIENCE)
        except ShutDown:
            return
        except Empty:
            raise SystemExit(f"no item in {PATIENCE:.0f} s") from None
        with delivery:  # the ack is at its end
            ended, cpu = time.monotonic_ns(), time.thread_time_ns() - cpu
            say("received", delivery.item.batch, delivery.attempt, ended)
            if delivery.attempt == 1:  # a later one waited for the death of a process, not for the put
                say("waited", JOBS, delivery.item.batch, began, ended, cpu)
            stay.wait_clear(PATIENCE)
            do(delivery, found)


def main() -> None:
    with Queue(JOBS, type=Job) as jobs, Queue(FOUND, type=Found) as found, Event(STAY) as stay:
        in_threads(lambda: work(jobs, found, stay))


if __name__ == "__main__":
    main()
