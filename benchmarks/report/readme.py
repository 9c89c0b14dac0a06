"""The few ratios that README states, each from the figures of a case."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from benchmarks.report.tables import machine, spread

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchmarks.report.data import Measured


@dataclasses.dataclass(frozen=True)
class Ratio:
    """What theirs takes, of what ours takes: above 1, ours is the quicker."""

    what: str
    beside: str
    stem: str
    case: str
    words: str
    ours: str
    theirs: str

    def row(self, found: Mapping[str, Measured]) -> str:
        measured = found.get(self.stem)
        table = measured.table(self.case, self.words) if measured else None
        ratio = table.ratio(self.theirs, self.ours) if table else None
        return f"| {self.what} | {self.beside} | {spread(ratio) if ratio else 'not measured'} |"


RATIOS = (
    Ratio("`Event`: `is_set()`", "`threading.Event`", "event", "is_set", "", "tocsin.Event", "threading.Event"),
    Ratio("`Event`: a sleeping process is woken", "`multiprocessing.Event`", "event", "wake", "not pinned",
          "tocsin.Event", "multiprocessing.Event"),
    Ratio("the same", "a byte through a bare pipe", "event", "wake", "not pinned", "tocsin.Event", "a pipe"),
    Ratio("`Queue`: an item of 60 bytes, process to process", "`multiprocessing.Queue`", "queue", "1-1", "",
          "tocsin.Queue", "multiprocessing.Queue"),
    Ratio("the same", "pyzmq PUSH/PULL with msgspec", "queue", "1-1", "", "tocsin.Queue", "pyzmq PUSH/PULL, msgspec"),
    Ratio("`Queue`: an item of 64 KiB", "`multiprocessing.Queue`", "queue", "payload", "65,536", "tocsin.Queue",
          "multiprocessing.Queue"),
    Ratio("`Bus`: an emit to a handler in another process", "Redis pub/sub", "bus", "processes", "an emit of",
          "tocsin.Bus", "Redis PUBLISH/SUBSCRIBE, msgspec"),
    Ratio("`WaitSet`: one of 1,000 becomes ready", "`multiprocessing.connection.wait`", "wait", "one by one",
          "1,000: another", "tocsin.WaitSet", "multiprocessing.connection.wait"),
)


def block(found: Mapping[str, Measured]) -> str:
    """What stands between README's markers."""
    event = found.get("event")
    where = f" on {machine(event)}" if event else ""
    quick = any(measured.run["effort"] == "quick" for measured in found.values())
    look = "; **a quick run, for a look**" if quick else ""
    return "\n".join([
        f"Medians (lowest .. highest) of rounds in which both were measured side by side{where}{look}.",
        "Below 1, the other is quicker.", "",
        "| | beside | times as fast |", "|---|---|---|", *(ratio.row(found) for ratio in RATIOS), "",
        "[All figures, peers and plots](docs/benchmarks/README.md), made by `make bench`.",
    ])
