"""Both runs side by side, and what the queue of the first one went through."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING

from rich.table import Table

from tocsin.demo.job import STAGES, Outcome
from tocsin.demo.ledger import Latency
from tocsin.demo.parse import THREADS

if TYPE_CHECKING:
    from collections.abc import Callable

KINDS = {"archive": "shell", "hash": "C", "parse": "workers", "report": "asyncio"}
PAIRS = (("archive", "hash"), ("hash", "parse"), ("hash", "report"), ("parse", "report"), ("report", "archive"))


@dataclass(frozen=True)
class Figures:
    """One run in numbers, all times in seconds."""

    wall: float
    cpu: float
    others: float
    waiting: dict[str, float]
    wakes: dict[tuple[str, str], Latency | None]
    all_wakes: Latency | None

    @classmethod
    def of(cls, run: Outcome) -> Figures:
        late = run.ledger.latencies()
        return cls(
            run.wall,
            run.cpu,
            run.others,
            {stage: run.ledger.spent[stage] / 1e9 for stage in STAGES},
            {pair: Latency.of(late.get(pair, [])) for pair in PAIRS},
            Latency.of([ns for pair in late.values() for ns in pair]),
        )

    def plain(self) -> dict[str, object]:
        """For JSON."""
        wakes = {f"{a} to {b}": asdict(late) if late else None for (a, b), late in self.wakes.items()}
        total = asdict(self.all_wakes) if self.all_wakes else None
        return {
            "wall": self.wall,
            "cpu": self.cpu,
            "cpu_of_others": self.others,
            "cpu_in_waiting": self.waiting,
            "wakes": wakes,
            "all_wakes": total,
        }


def _seconds(value: float) -> str:
    return f"{value:.2f} s"


def _milliseconds(value: float) -> str:
    return f"{value * 1000:.1f} ms"


def _spent(stage: str, figures: Figures) -> float:
    return figures.waiting[stage]


def _both(late: Latency | None) -> str:
    return "-" if late is None else f"{late.median * 1000:.1f} / {_milliseconds(late.p99)} ({late.wakes})"


CAPTION = (
    "Waiter's release minus announcement: median / p99 (wakes that really waited). A shell's includes the start of"
    " its command, a worker's the wait for the GIL while its other thread parses. To workers and from them: by"
    " queues, with polling by files."
)


def table(events: Figures, polling: Figures) -> Table:
    shown = Table("", "events, queues", "50 ms polling", "ratio", title="The same pipeline, twice", caption=CAPTION)
    for column in shown.columns[1:]:
        column.justify = "right"

    def row(name: str, pick: Callable[[Figures], float], show: Callable[[float], str]) -> None:
        a, b = pick(events), pick(polling)
        shown.add_row(name, show(a), show(b), f"{b / a:.1f}" if a else "")

    row("wall time", lambda f: f.wall, _seconds)
    row("CPU of all stages", lambda f: f.cpu, _seconds)
    row("CPU of others", lambda f: f.others, _seconds)
    row("CPU burned in waiting", lambda f: sum(f.waiting.values()), _milliseconds)
    for stage in STAGES:
        row(f"  {stage} ({KINDS[stage]})", partial(_spent, stage), _milliseconds)
    shown.add_section()
    if events.all_wakes and polling.all_wakes:
        row("wake latency, median", lambda f: f.all_wakes.median if f.all_wakes else 0, _milliseconds)
        row("wake latency, p99", lambda f: f.all_wakes.p99 if f.all_wakes else 0, _milliseconds)
        row("wakes measured", lambda f: f.all_wakes.wakes if f.all_wakes else 0, lambda n: f"{n:.0f}")
    for pair in PAIRS:
        name = " to ".join(KINDS[stage] for stage in pair)
        shown.add_row(f"  {name}", _both(events.wakes[pair]), _both(polling.wakes[pair]))
    return shown


def queue_table(run: Outcome) -> Table:
    """The pool's side of the first run: the items, who died with which in hand, and when they were back."""
    assert run.queue is not None
    seen, kill = run.deliveries, run.kill
    shown = Table("", "", title="The queue between the C program and the workers", show_header=False)
    shown.add_row("workers", f"{run.workers} processes of {THREADS} threads")
    shown.add_row("items put", f"{run.queue.puts}")
    shown.add_row("deliveries", f"{seen.count}")
    shown.add_section()
    if kill is None:
        shown.add_row("killed", "nobody: too little work to catch a worker with an item in hand")
    else:
        shown.add_row("killed", f"{kill.worker}, by {kill.signal}, with {kill.holding()}")
    for back in seen.back:
        shown.add_row(f"batch {back.batch} again", str(back))
    shown.add_row("results that came twice", f"{seen.repeated}")
    return shown
