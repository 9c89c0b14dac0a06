"""Stage 3, a threaded Python process: parse each source file in a batch's archive, and count.

    python -m tocsin.demo.parse events|polling BATCHES

This is the stage that gets killed. A batch is either announced or not begun as far as anyone can see, so
the next process goes through all of them and does those that have no result yet.
"""

from __future__ import annotations

import itertools
import json
import os
import sys
import tarfile
import threading
import traceback
from pathlib import Path

from tocsin.demo.plain import Counts, count, parsing
from tocsin.demo.waiting import Waiting, result, waiting

THREADS = 2


def counts(archive: str) -> list[Counts | None]:
    """The counts of every file in an archive, in its order."""
    found: list[Counts | None] = []
    with tarfile.open(archive) as tar:
        for member in tar:
            file = tar.extractfile(member)
            assert file is not None, member.name  # the lists hold regular files only
            found.append(count(file.read()))
    return found


def work(link: Waiting, turns: itertools.count[int], batches: int) -> None:
    """Take the next batch until there is none; `next` on a count is atomic, so each has one taker."""
    try:
        while (batch := next(turns)) < batches:
            if Path(result("parse", batch)).exists():
                link.announce_again(batch)
                continue
            link.wait("archive", batch)
            link.announce(batch, json.dumps(counts(result("archive", batch))).encode())
    except BaseException:  # noqa: BLE001 - whatever it was
        traceback.print_exc()
        os._exit(1)  # a thread's failure is the stage's: the other thread may be asleep for long


def main(how: str, batches: int) -> None:
    link, turns = waiting(how, "parse"), itertools.count()
    with parsing():
        threads = [threading.Thread(target=work, args=(link, turns, batches)) for _ in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
