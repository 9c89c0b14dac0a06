"""Stage 4, an asyncio process: await the hashes and the counts of each batch, and put them together.

python -m tocsin.demo.report events|polling BATCHES
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from pathlib import Path

from tocsin.demo.plain import Entry, entry
from tocsin.demo.waiting import result, say, waiting


def merge(batch: int) -> dict[str, Entry]:
    """The entries of a batch. Hashes and counts stand in the order of its list."""
    names = _lines("list", batch)
    hashes = [line.split() for line in _lines("hash", batch)]
    counts = json.loads(Path(result("parse", batch)).read_bytes())
    return {
        name: entry(digest, int(size), found) for name, (digest, size), found in zip(names, hashes, counts, strict=True)
    }


def _lines(stage: str, batch: int) -> list[str]:
    return os.fsdecode(Path(result(stage, batch)).read_bytes()).split("\n")[:-1]


async def main(how: str, batches: int) -> dict[str, Entry]:
    link, merging = waiting(how, "report"), 0
    whole: dict[str, Entry] = {}
    started = time.process_time_ns()
    for batch in range(batches):
        await asyncio.gather(link.wait_async("hash", batch), link.wait_async("parse", batch))
        began = time.process_time_ns()
        whole.update(part := merge(batch))
        link.announce(batch, json.dumps(part).encode())
        merging += time.process_time_ns() - began
    say("spent", time.process_time_ns() - started - merging)  # all that the loop did besides: it waited
    return whole


if __name__ == "__main__":
    everything = asyncio.run(main(sys.argv[1], int(sys.argv[2])))
    Path("result").write_text(json.dumps(everything))  # nobody waits for it: it is read after our end
