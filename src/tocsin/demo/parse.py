"""Stage 3: parse each source file in a batch's archive, and count. What both of its variants do.

worker.py takes its work from a queue, looker.py looks for it every 50 ms. In both, the stage is a pool of
threaded processes, one for each core and two at least, and one of them gets killed.
"""

from __future__ import annotations

import os
import tarfile
import threading
import traceback
from typing import TYPE_CHECKING

from tocsin.demo.plain import Counts, count, parsing

if TYPE_CHECKING:
    from collections.abc import Callable

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


def in_threads(work: Callable[[], None]) -> None:
    """`work` in each of this process's threads, until all are through."""

    def guarded() -> None:
        try:
            work()
        except BaseException:  # noqa: BLE001 - whatever it was
            traceback.print_exc()
            os._exit(1)  # a thread's failure is the process's: the other thread may be asleep for long

    with parsing():
        threads = [threading.Thread(target=guarded) for _ in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
