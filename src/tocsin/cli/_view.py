"""A sample of `tocsin top` as lines of a given width: readable at 80 columns, and cut where there are fewer."""

from __future__ import annotations

import time

from tocsin.cli._exit import plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from tocsin.cli._sample import Entry, Sample

    Line = tuple[str, str]  # text, and a style of rich's


def number(value: float | None) -> str:
    """In six characters at the most."""
    if value is None:
        return "-"
    if value < 0:
        return "-" + number(-value)[:5]
    if isinstance(value, float) and value < 1000:
        return "0" if value == 0 else "<0.1" if value < 0.05 else f"{value:.1f}"
    for size, unit in ((1e6, ""), (1e9, "M"), (1e12, "G"), (1e15, "T")):
        if value < size * 0.9995:
            return f"{value:.0f}" if not unit else f"{value / (size / 1000):.4g}"[:5].rstrip(".") + unit
    return "many"


def _count(value: int | None, *, of: str) -> str:
    return ("?" if of else "") if value is None else str(value) if value < 10_000 else "many"


#: Heading, width, to the right?, the cell, and how gladly it is left out where there is no room (0: never).
_COLUMNS: tuple[tuple[str, int, bool, Callable[[Entry], str], int], ...] = (
    ("KIND", 6, False, lambda e: e.kind or "-", 0),
    ("STATE", 12, False, lambda e: e.state, 1),
    ("COUNT", 6, True, lambda e: number(e.count), 4),
    ("DEPTH", 6, True, lambda e: number(e.depth), 0),
    ("IN/s", 6, True, lambda e: number(e.fast), 0),
    ("OUT/s", 6, True, lambda e: number(e.gone), 2),
    ("OPEN", 4, True, lambda e: _count(e.users, of=e.kind), 3),
    ("WAIT", 4, True, lambda e: _count(e.waits, of=e.kind), 0),
)
_NAME = 14  # it has at least

ORDERS: dict[str, tuple[str, Callable[[Entry], tuple[float, ...]]]] = {
    "n": ("name", lambda _: ()),
    "r": ("rate", lambda e: (-((e.fast or 0) + (e.gone or 0)),)),
    "d": ("depth", lambda e: (-(e.depth or 0),)),
    "w": ("waits", lambda e: (-(e.waits or 0),)),
}
KEYS = "q quit  sort: r rate, n name, d depth, w waits  p pause  up, down"


class View:
    """How it is shown: which order, from which line on, and whether it stands still."""

    def __init__(self, title: str, interval: float) -> None:
        self.title = title
        self.interval = interval
        self.order = "r"
        self.top = 0
        self.paused = False

    def lines(self, sample: Sample, width: int, height: int | None = None) -> list[Line]:
        """With a height: as many lines, the last of them the keys; else all that there is."""
        room = None if height is None else max(1, height - 3)
        entries = sorted(sample.entries, key=lambda e: (*ORDERS[self.order][1](e), e.name))
        self.top = 0 if room is None else max(0, min(self.top, len(entries) - room))
        shown = entries if room is None else entries[self.top : self.top + room]
        columns = _fitting(width)
        lines = [(self._title(sample, width), "bold"), (_row(columns, None, width), "reverse")]
        lines += [(_row(columns, entry, width), entry.style) for entry in shown]
        if sample.trouble:
            lines[2:2] = [(plain(sample.trouble)[:width], "red")]
        elif not entries:
            lines.append(("nothing here yet"[:width], "dim"))
        if height is not None:
            lines = lines[: height - 1]
            lines += [("", "")] * (height - 1 - len(lines))
            lines.append((self._foot(len(entries), len(shown), width), "dim"))
        return lines

    def wide_enough(self, sample: Sample) -> int:
        """For all of every name."""
        names = [len(plain(entry.name)) for entry in sample.entries]
        return max(80, sum(column[1] + 1 for column in _COLUMNS) + max(names, default=0))

    def _title(self, sample: Sample, width: int) -> str:
        entries = sample.entries
        waiting = sum(entry.waits or 0 for entry in entries)
        every = f"{sample.seconds:.1f} s" if sample.seconds else "one look"
        right = f"{len(entries)} objects  {waiting} waiting  {every}  {time.strftime('%H:%M:%S')}"
        right += "  PAUSED" if self.paused else ""
        left = _cut(f"tocsin top  {plain(self.title)}", max(10, width - len(right) - 2))
        return f"{left}{right:>{max(0, width - len(left))}}"[:width]

    def _foot(self, many: int, shown: int, width: int) -> str:
        where = f"{self.top + 1}-{self.top + shown} of {many}" if shown < many else ""
        return f"{KEYS[: max(0, width - len(where) - 1)]:<{max(0, width - len(where))}}{where}"[:width]


def _fitting(width: int) -> list[tuple[str, int, bool, Callable[[Entry], str], int]]:
    columns = list(_COLUMNS)
    while sum(column[1] + 1 for column in columns) + _NAME > width and any(column[4] for column in columns):
        columns.remove(max(columns, key=lambda column: column[4]))
    return columns


def _row(columns: list[tuple[str, int, bool, Callable[[Entry], str], int]], entry: Entry | None, width: int) -> str:
    cells = []
    for head, wide, right, cell, _ in columns:
        text = head if entry is None else cell(entry)[:wide]
        cells.append(f"{text:>{wide}}" if right else f"{text:<{wide}}")
    left = " ".join(cells) + " "
    name = "NAME" if entry is None else plain(entry.name)
    return f"{left}{_cut(name, width - len(left)):<{max(0, width - len(left))}}"[:width]


def _cut(text: str, width: int) -> str:
    """From the middle: of a name, both ends tell something."""
    if len(text) <= width or width < 3:
        return text[: max(0, width)]
    half = (width - 1) // 2
    return f"{text[:half]}…{text[len(text) - (width - 1 - half) :]}"
