"""What `tocsin top` shows: one look at everything after the other, by its clock, and the rates between two of them.

It looks by read(2), takes no lock and wakes nobody, so those who are looked at do not notice. What it costs is its own
processor time, and it sees to that: it looks less often, where a look takes long.
"""

from __future__ import annotations

from time import monotonic, process_time

from tocsin._errors import Unreachable
from tocsin.cli._books import Books, waits_of
from tocsin.cli._exit import Failure
from tocsin.cli._kinds import describe, kind_of
from tocsin.cli._rates import Rate, rates
from tocsin.cli._walk import FarPlace, Place, Seen, look

#: Of its time, at the most: looking at files, and reading /proc.
_LOOKING, _READING = 1 / 20, 1 / 50


class Entry:
    """A line of the screen. None: unknown, or not of this kind."""

    __slots__ = ("count", "depth", "fast", "gone", "kind", "name", "state", "style", "users", "waits")

    def __init__(self, one: Seen, rate: Rate | None, books: Books) -> None:
        self.name = one.name
        self.kind = self.style = ""
        self.state = one.state or ""
        self.count: int | None = None
        self.depth: int | None = None
        self.users: int | None = None
        self.waits: int | None = None
        self.fast: float | None = rate[0] if rate else None
        self.gone: float | None = rate[1] if rate else None
        if one.found is None:
            self.style = "red" if one.state in ("damaged", "can't be read") else "dim"
            return
        told = describe(one.found)
        self.kind = kind_of(one.found)
        self.count = told["generation"]
        self.depth = told.get("behind") if self.kind == "bus" else told["depth"]
        self.state, self.style = _state(self.kind, told)
        users, unseen = books.open_by(one)
        self.users = None if users is None else len(users)
        self.waits = waits_of(one, users, unseen)


def _state(kind: str, told: dict[str, object]) -> tuple[str, str]:  # noqa: PLR0911 - a table
    """In 12 characters."""
    state = str(told["state"])
    person = told.get("owned_by") or told.get("held_by")
    if state == "removed":
        return state, "red"
    if isinstance(person, dict):
        if not person["alive"]:
            return ("owner died", "red") if kind == "event" else ("abandoned", "red")
        return f"{'owned' if kind == 'event' else 'held'} {person['pid'] or ''}", ""
    if kind == "queue":
        if "shut down" in state:
            return "shut down", "yellow"
        return (f"{told['held']} held" if told["held"] else ""), ""
    if kind == "bus":
        return (f"{told['subscribers']} listen" if told["subscribers"] else ""), ""
    return state, "green" if state == "set" else ""


class Sample:
    def __init__(self, entries: list[Entry], seconds: float | None, trouble: str) -> None:
        self.entries = entries
        #: between the two looks that the rates are of; None: there was only one yet
        self.seconds = seconds
        self.trouble = trouble


class Sampler:
    def __init__(self, asked: list[Place | FarPlace], interval: float) -> None:
        self._asked = asked
        self._interval = interval
        self._before: list[Seen] = []
        self._books: Books | None = None
        self._read_again = 0.0
        self._looked: float | None = None
        #: when the next look is due
        self.due = 0.0

    def take(self) -> Sample:
        start, used = monotonic(), process_time()
        troubles: list[OSError] = []
        trouble = ""
        try:
            seen = look(self._asked, troubles)
        except Failure as error:
            seen, trouble = [], str(error)
        except Unreachable as error:
            if self._looked is None:  # it was never there: who asks is told so at once
                raise
            seen, trouble = [], str(error)
        if troubles:
            trouble = f"{troubles[0].filename}: {troubles[0].strerror}"
        fast = rates(self._before, seen)
        seconds = None if self._looked is None else start - self._looked
        self._before, self._looked = seen, start
        middle = process_time()
        if self._books is None or monotonic() >= self._read_again:
            self._books = Books(seen)
            self._read_again = monotonic() + (process_time() - middle) / _READING
        books = self._books
        entries = [Entry(one, fast.get(one.path), books) for one in seen]
        cost = middle - used  # not by the clock: who was stopped, or waited for a processor, has cost nobody anything
        first = 0.25 if seconds is None else self._interval  # the first rates soon
        self.due = start + max(min(first, self._interval), cost / _LOOKING)
        return Sample(entries, seconds, trouble)
