"""Progress: a bar per stage on a terminal, a line per quarter elsewhere."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn
from rich.progress import Progress as Bars

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rich.console import Console


class Progress:
    """How far each stage of one run is."""

    def __init__(self, console: Console, title: str, stages: Iterable[str], total: int) -> None:
        self._console, self._title, self._total = console, title, total
        self._done = dict.fromkeys(stages, 0)
        self._bars: Bars | None = None
        self._tasks: dict[str, TaskID] = {}
        self._slowest = 0

    @contextmanager
    def shown(self) -> Iterator[Progress]:
        self._console.print(self._title, style="bold", highlight=False)
        if not self._console.is_terminal:
            yield self
            return
        columns = (TextColumn("  {task.description:8}"), BarColumn(), MofNCompleteColumn())
        with Bars(*columns, console=self._console) as self._bars:
            self._tasks = {stage: self._bars.add_task(stage, total=self._total) for stage in self._done}
            yield self

    def advance(self, stage: str) -> None:
        self._done[stage] += 1
        if self._bars is not None:
            self._bars.advance(self._tasks[stage])
            return
        quarter = min(self._done.values()) * 4 // self._total
        if quarter > self._slowest:
            self._slowest = quarter
            self.note("  ".join(f"{name} {done}/{self._total}" for name, done in self._done.items()))

    def note(self, text: str) -> None:
        self._console.print(f"  {text}", highlight=False, soft_wrap=True)
