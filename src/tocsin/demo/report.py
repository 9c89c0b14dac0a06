"""Stage 4, an asyncio process: await the hashes and the counts of each batch, and put them together.

    python -m tocsin.demo.report events|polling BATCHES

The hashes of a batch are a file with an event. Its counts come from the pool: out of a queue, in any order
and at least once, or with polling as a file.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tocsin import Empty, Queue
from tocsin.demo.items import FOUND, JOBS, Found
from tocsin.demo.plain import Counts, Entry, entry
from tocsin.demo.waiting import PATIENCE, result, say, waiting

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from tocsin.demo.waiting import Waiting

    CountsOf = Callable[[int], Awaitable[list[Counts | None]]]


@asynccontextmanager
async def from_queue(batches: int) -> AsyncIterator[CountsOf]:
    """A task collects what the pool hands over; each batch awaits its own. At the end the pool may go home."""
    loop = asyncio.get_running_loop()
    there: list[asyncio.Future[list[Counts | None]]] = [loop.create_future() for _ in range(batches)]

    async def collect(found: Queue[Found]) -> None:
        while True:
            began = time.monotonic_ns()
            try:
                item = await found.get_async(timeout=PATIENCE)
            except Empty:
                raise SystemExit(f"no counts in {PATIENCE:.0f} s") from None
            if there[item.batch].done():  # its worker was killed before the ack, and another did it again
                say("repeated", item.batch)
                continue
            say("waited", "parse", item.batch, began, time.monotonic_ns(), 0)
            there[item.batch].set_result(item.counts)

    async def counts(batch: int) -> list[Counts | None]:
        either: set[asyncio.Future[Any]] = {there[batch], collecting}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if collecting.done():
            collecting.result()  # raises: nothing else ends it
        return there[batch].result()

    with Queue(FOUND, type=Found) as found, Queue(JOBS) as jobs:
        collecting = asyncio.create_task(collect(found))
        try:
            yield counts
        finally:
            collecting.cancel()
            await asyncio.wait({collecting})
        jobs.shutdown()


@asynccontextmanager
async def from_files(link: Waiting) -> AsyncIterator[CountsOf]:
    async def counts(batch: int) -> list[Counts | None]:
        await link.wait_async("parse", batch)
        return _read_counts(batch)

    yield counts


def merge(batch: int, counts: list[Counts | None]) -> dict[str, Entry]:
    """The entries of a batch. Hashes and counts stand in the order of its list."""
    names = _lines("list", batch)
    hashes = [line.split() for line in _lines("hash", batch)]
    return {
        name: entry(digest, int(size), found) for name, (digest, size), found in zip(names, hashes, counts, strict=True)
    }


def _read_counts(batch: int) -> list[Counts | None]:
    found: list[Counts | None] = json.loads(Path(result("parse", batch)).read_bytes())
    return found


def _lines(stage: str, batch: int) -> list[str]:
    return os.fsdecode(Path(result(stage, batch)).read_bytes()).split("\n")[:-1]


async def main(how: str, batches: int) -> dict[str, Entry]:
    link, merging = waiting(how, "report"), 0
    whole: dict[str, Entry] = {}
    started = time.process_time_ns()
    async with from_queue(batches) if how == "events" else from_files(link) as counts_of:
        for batch in range(batches):
            _, counts = await asyncio.gather(link.wait_async("hash", batch), counts_of(batch))
            began = time.process_time_ns()
            whole.update(part := merge(batch, counts))
            link.announce(batch, json.dumps(part).encode())
            merging += time.process_time_ns() - began
    say("spent", time.process_time_ns() - started - merging)  # all that the loop did besides: it waited
    return whole


if __name__ == "__main__":
    everything: dict[str, Entry] = asyncio.run(main(sys.argv[1], int(sys.argv[2])))
    Path("result").write_text(json.dumps(everything))  # nobody waits for it: it is read after our end
