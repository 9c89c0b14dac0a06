"""What there is to do, and what came of it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tocsin.demo.parse import THREADS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tocsin import QueueStats
    from tocsin.demo.deliveries import Deliveries, Kill
    from tocsin.demo.ledger import Ledger
    from tocsin.demo.plain import Entry
    from tocsin.demo.tools import Tools

STAGES = ("archive", "hash", "parse", "report")
POOL = "parse"
"""The stage that is several processes. The one that gets killed is one of them."""


@dataclass(frozen=True)
class Job:
    root: Path
    work: Sequence[Sequence[str]]
    tools: Tools

    @property
    def workers(self) -> int:
        """Processes in the pool: one for each core, two at least."""
        return max(2, min(len(os.sched_getaffinity(0)), len(self.work)))

    @property
    def window(self) -> int:
        """Batches in flight, one more than the pool's threads. So many archives stand on the RAM disk at a time."""
        return self.workers * THREADS + 1


@dataclass(frozen=True)
class Outcome:
    how: str
    wall: float
    cpu: float
    others: float
    """CPU time of everybody else on the machine meanwhile: when it is much, compare nothing."""
    ledger: Ledger
    workers: int
    kill: Kill | None
    """None: nobody of the pool could be caught with an item in hand."""
    deliveries: Deliveries
    queue: QueueStats | None
    """None with polling."""
    result: dict[str, Entry]
