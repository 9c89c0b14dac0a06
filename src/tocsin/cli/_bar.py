"""The line that `tocsin work` shows to a person: how much is done, in hand and left, and how fast.

Drawn when something has ended, ten times a second at most; while nothing happens, nothing is drawn. The cursor stays
where the line begins, and is never hidden: what the commands write goes over the line, and a kill leaves the terminal
as it was.
"""

from __future__ import annotations

import contextlib
import io
import os
import time
from collections import deque
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from tocsin.cli._pool import Pool

_PERIOD = 0.1
#: The rate is that of the last samples, one for each time that the line was drawn.
_SAMPLES = 50
_ERASE = b"\r\x1b[2K"


class Bar:
    def __init__(self, name: str) -> None:
        self.due = float("inf")  # when to draw what has changed since
        self._name = name
        self._text = io.StringIO()  # not the terminal itself, which may go at any time
        self._console = Console(file=self._text, force_terminal=True, highlight=False)
        self._samples: deque[tuple[float, int]] = deque([(time.monotonic(), 0)], maxlen=_SAMPLES)
        self._begin = time.monotonic()
        self._drawn = self._begin - _PERIOD
        self._shown: tuple[int, ...] = ()
        self._is_there = False

    def draw(self, pool: Pool) -> None:
        """If something has changed: now, or soon."""
        state = (pool.done, pool.failed, pool.in_hand, pool.is_draining)
        if state == self._shown and self._is_there:
            self.due = float("inf")
            return
        now = time.monotonic()
        if now < self._drawn + _PERIOD:
            self.due = self._drawn + _PERIOD
            return
        self._shown, self._drawn, self.due = state, now, float("inf")
        self._samples.append((now, pool.done))
        if self._may():
            self._write(_ERASE + self._line(pool) + b"\r")
            self._is_there = True

    def clear(self) -> None:
        """Make room for a line of somebody else's."""
        if self._is_there and self._may():
            self._write(_ERASE)
        self._is_there = False

    def finish(self, pool: Pool) -> None:
        """The last state stays, as a line."""
        if self._may():
            seconds = time.monotonic() - self._begin
            aside = f" ({pool.put_aside} put aside in {self._name}.dead)" if pool.put_aside else ""
            text = f"{self._name}: {pool.done} done, {pool.failed} failed{aside} in {seconds:.1f} s"
            self._write(_ERASE + text.encode("utf-8", "backslashreplace") + b"\n")
        self._is_there = False

    def _may(self) -> bool:
        """Not over another program's screen, when a shell has put us in the background."""
        if self._console.is_dumb_terminal:
            return False
        try:
            return os.tcgetpgrp(2) == os.getpgrp()
        except OSError:  # not our controlling terminal: nobody else's programs take turns there
            return True

    def _line(self, pool: Pool) -> bytes:
        left = pool.left()
        total = pool.done + pool.in_hand + (left or 0)
        words = [f"{pool.done} done", f"{pool.failed} failed", f"{pool.in_hand} in hand"]
        words += [] if left is None else [f"{left} left"]
        words += ["finishing" if pool.is_draining else f"{self._rate():.0f}/s"]
        grid = Table.grid(padding=(0, 1))
        grid.add_row(
            Text(self._name, "bold", overflow="ellipsis", no_wrap=True),
            ProgressBar(total=max(1, total), completed=pool.done, width=20),
            Text("  ".join(words), no_wrap=True),
        )
        self._text.seek(0)
        self._text.truncate()
        self._console.print(grid, no_wrap=True, crop=True, width=_columns())
        return self._text.getvalue().split("\n", 1)[0].encode("utf-8", "backslashreplace")

    def _rate(self) -> float:
        (then, before), (now, done) = self._samples[0], self._samples[-1]
        return (done - before) / (now - then) if now > then else 0.0

    def _write(self, data: bytes) -> None:
        with contextlib.suppress(OSError):  # the terminal has gone
            os.write(2, data)


def _columns() -> int:
    try:
        return os.get_terminal_size(2).columns or 80
    except OSError:
        return 80
