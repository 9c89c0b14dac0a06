"""What came out: the comparison with the plain computation, for people and as JSON."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from tocsin.demo.plain import Entry, totals
from tocsin.demo.table import Figures, queue_table, table

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

    from tocsin.demo.job import Outcome


@dataclass(frozen=True)
class Verdict:
    root: Path
    plain: dict[str, Entry]
    alone: float
    """Seconds that the plain computation took."""
    events: Outcome
    polling: Outcome

    @property
    def equal(self) -> bool:
        return self.events.result == self.plain == self.polling.result

    def show(self, console: Console) -> None:
        console.print(table(Figures.of(self.events), Figures.of(self.polling)))
        console.print(queue_table(self.events))
        console.print(", ".join(f"{number:,} {name}" for name, number in totals(self.plain).items()), highlight=False)
        console.print(f"  plain    {_digest(self.plain)[:16]}  in {self.alone:.2f} s", highlight=False)
        for run in (self.events, self.polling):
            same = run.result == self.plain
            said = "equal to plain" if same else "NOT EQUAL to plain: did the files change meanwhile?"
            console.print(f"  {run.how:8} {_digest(run.result)[:16]}  {said}", highlight=False)

    def summary(self) -> dict[str, object]:
        found: dict[str, object] = {
            "directory": str(self.root),
            "totals": totals(self.plain),
            "plain": {"wall": self.alone, "digest": _digest(self.plain)},
        }
        for run in (self.events, self.polling):
            found[run.how] = {
                **Figures.of(run).plain(),
                "digest": _digest(run.result),
                "equal": run.result == self.plain,
                "workers": run.workers,
                "kill": asdict(run.kill) if run.kill else None,
            }
        seen = self.events.deliveries
        found["queue"] = {
            "items": self.events.queue.puts if self.events.queue else 0,
            "deliveries": seen.count,
            "redelivered": [asdict(back) for back in seen.back],
            "results_dropped": seen.repeated,
        }
        return found


def _digest(result: dict[str, Entry]) -> str:
    return hashlib.sha256(json.dumps(result, sort_keys=True).encode()).hexdigest()
