"""What the stages said, and what follows from it: CPU time spent in waiting, and how late the wakes were."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from statistics import median


@dataclass
class _Wait:
    began: int
    ended: int


@dataclass(frozen=True)
class Latency:
    """Wake latencies in seconds, over `wakes` waits that really waited."""

    wakes: int
    median: float
    p99: float

    @classmethod
    def of(cls, nanoseconds: list[int]) -> Latency | None:
        if not nanoseconds:
            return None
        late = sorted(nanoseconds)
        return cls(len(late), median(late) / 1e9, late[min(len(late) - 1, len(late) * 99 // 100)] / 1e9)


class Ledger:
    """The lines of all processes of one run. The format is in waiting.py."""

    def __init__(self) -> None:
        self.announced: dict[str, dict[int, int]] = defaultdict(dict)
        self.spent: dict[str, int] = defaultdict(int)
        self._putter: dict[str, str] = {}
        self._waits: dict[tuple[int, str, str, int], _Wait] = {}

    def enter(self, pid: int, stage: str, line: str) -> int | None:
        """Enter a line. Returns the batch when the stage announced it for the first time."""
        word, *rest = line.split()
        if word == "spent":
            self.spent[stage] += int(rest[0])
        elif word == "waited":
            batch, began, ended, cpu = map(int, rest[1:])
            self.spent[stage] += cpu
            # A shell that polls says so for each of its sleeps: together they are one wait.
            self._waits.setdefault((pid, stage, rest[0], batch), _Wait(began, ended)).ended = ended
        elif word == "put":  # the stage hands its batches over twice: as results, and as items
            self._putter[rest[0]] = stage
            self.announced[rest[0]][int(rest[1])] = int(rest[2])
        elif word == "announced" and int(rest[0]) not in self.announced[stage]:
            self.announced[stage][int(rest[0])] = int(rest[1])
            return int(rest[0])
        return None

    def latencies(self) -> dict[tuple[str, str], list[int]]:
        """Announcement to release in ns, by (announcer, waiter).

        Only waits that had begun when the announcement began: the others found it there and prove nothing.
        """
        found: dict[tuple[str, str], list[int]] = defaultdict(list)
        for (_, stage, source, batch), wait in sorted(self._waits.items()):
            at = self.announced[source].get(batch)
            if at is not None and wait.began < at < wait.ended:
                found[self._putter.get(source, source), stage].append(wait.ended - at)
        return dict(found)
