"""Stage 3 with polling: one process of the pool, which looks every 50 ms for the batches that are its own.

    python -m tocsin.demo.looker BATCHES PLACE WORKERS

A directory hands nothing out and takes nothing back. So who does which batch is fixed: this process does
those of its PLACE, and when it is killed, they wait until somebody starts it again. A batch is either there
or not begun as far as anyone can see, so the next process goes through all and does those that aren't there.
"""

from __future__ import annotations

import itertools
import json
import sys
from pathlib import Path

from tocsin.demo.parse import counts, in_threads
from tocsin.demo.waiting import Polling, result


def main(batches: int, place: int, workers: int) -> None:
    link, turns = Polling("parse"), itertools.count(place, workers)

    def work() -> None:
        while (batch := next(turns)) < batches:  # atomic: each batch has one taker
            if Path(result("parse", batch)).exists():
                link.announce_again(batch)
                continue
            link.wait("hash", batch)
            link.announce(batch, json.dumps(counts(result("archive", batch))).encode())

    in_threads(work)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
