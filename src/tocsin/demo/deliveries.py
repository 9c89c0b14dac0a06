"""Who holds which item, and what came back after a kill: by the lines that the workers wrote (worker.py)."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass


@dataclass(frozen=True)
class Kill:
    """A process of the pool, hit in the middle of its work."""

    worker: str
    signal: str
    """What the kernel says that it died of."""
    after: int
    """Batches that were parsed by then."""
    held: tuple[int, ...]
    """Batches that it had in hand; with polling it has none, because nothing hands any out."""

    def holding(self) -> str:
        named = "batch" if len(self.held) == 1 else "batches"
        return f"{named} {', '.join(map(str, self.held))} in hand"


@dataclass(frozen=True)
class Back:
    """A batch that was delivered again."""

    batch: int
    attempt: int
    worker: str
    seconds: float
    """From the kill to the next delivery."""

    def __str__(self) -> str:
        return f"attempt {self.attempt}, to {self.worker}, {self.seconds:.2f} s after the kill"


class Deliveries:
    """The queue between the C program and the pool, as its consumers saw it."""

    def __init__(self) -> None:
        self.count: int = 0
        self.repeated: int = 0
        """Results that came a second time, and were dropped."""
        self.back: list[Back] = []
        self.killed_at: int = 0
        """CLOCK_MONOTONIC in ns, just before the kill."""
        self._held: dict[str, set[int]] = defaultdict(set)

    def enter(self, worker: str, line: str) -> Back | None:
        """Enter a line. Returns what it tells about a second delivery."""
        word, *rest = line.split()
        if word == "repeated":
            self.repeated += 1
        elif word == "done":
            self._held[worker].discard(int(rest[0]))
        elif word == "received":
            batch, attempt, at = map(int, rest)
            self.count += 1
            self._held[worker].add(batch)
            if attempt > 1:
                self.back.append(Back(batch, attempt, worker, (at - self.killed_at) / 1e9))
                return self.back[-1]
        return None

    def held_by(self, worker: str) -> tuple[int, ...]:
        """What this worker holds for sure: received, and not about to be acked."""
        return tuple(sorted(self._held[worker]))
