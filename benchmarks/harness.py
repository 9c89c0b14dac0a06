"""Interleaved measuring: every figure is taken beside the ones it is compared with.

A machine changes its mood within seconds (frequency, neighbours, caches). So a case is a number of rounds; in
each round every contestant is measured once, in an order that turns from round to round; and a ratio is formed
inside a round, between two figures that are a moment apart. Printed are the median over the rounds and the
whole spread. Nothing is subtracted: no loop overhead, no empty call.
"""

from __future__ import annotations

import dataclasses
import os
import platform
import statistics
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import contextmanager
from importlib import metadata
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

ROUNDS = 7  # never fewer: the median of seven survives three bad moments

Measure = Callable[[], float]


@dataclasses.dataclass(frozen=True)
class Spread:
    """A median, and how far the rounds lay apart."""

    median: float
    low: float
    high: float
    rounds: int

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        return cls(statistics.median(values), min(values), max(values), len(values))


@dataclasses.dataclass(frozen=True)
class Verdict:
    """One line of the acceptance list: what was promised, what was found."""

    case: str
    claim: str
    target: str
    found: Spread | None
    met: bool | None  # None: it could not be measured here; `why` says why
    why: str = ""

    def line(self) -> str:
        if self.found is None or self.met is None:
            return f"  -> {self.claim}: {self.target}: NOT MEASURED ({self.why})"
        found = f"{figure(self.found.median)} ({figure(self.found.low)} .. {figure(self.found.high)})"
        note = f"; {self.why}" if self.why else ""
        return f"  -> {self.claim}: {self.target}: {found}: {'met' if self.met else 'NOT MET'}{note}"


@dataclasses.dataclass
class Table:
    """The figures of one case: per contestant one value a round."""

    case: str
    title: str
    unit: str
    values: dict[str, list[float]] = dataclasses.field(default_factory=dict)
    absent: dict[str, str] = dataclasses.field(default_factory=dict)
    verdicts: list[Verdict] = dataclasses.field(default_factory=list)
    rate: str = ""  # the unit is us per one of these: print how many a second, too
    along: str = ""  # what `x` counts, where the same is measured at several sizes, a table each
    x: float = 0
    samples: dict[str, list[float]] = dataclasses.field(default_factory=dict)  # each one, where a round is many

    def spread(self, name: str) -> Spread:
        return Spread.of(self.values[name])

    def ratio(self, above: str, below: str) -> Spread | None:
        """above / below, formed inside each round; None if one of them is absent."""
        if above not in self.values or below not in self.values:
            return None
        pairs = zip(self.values[above], self.values[below], strict=True)
        return Spread.of([a / b for a, b in pairs if b]) if any(self.values[below]) else None

    def at_most(self, claim: str, ours: str, theirs: str, limit: float) -> None:
        """Claim that ours costs at most `limit` times theirs."""
        found = self.ratio(ours, theirs)
        self._judge(claim, f"<= {limit:g} of {theirs}", found, (ours, theirs), lambda s: s.median <= limit)

    def at_least(self, claim: str, ours: str, theirs: str, factor: float) -> None:
        """Claim that ours is at least `factor` times as fast as theirs."""
        found = self.ratio(theirs, ours)
        self._judge(claim, f">= {factor:g} times as fast as {theirs}", found, (ours, theirs),
                    lambda s: s.median >= factor)

    def below(self, claim: str, ours: str, limit: float) -> None:
        """Claim that ours stays below a figure in the unit of the table."""
        found = self.spread(ours) if ours in self.values else None
        self._judge(claim, f"< {limit:g} {self.unit}", found, (ours,), lambda s: s.median < limit)

    def _judge(self, claim: str, target: str, found: Spread | None, needs: Iterable[str],
               met: Callable[[Spread], bool]) -> None:
        why = "; ".join(f"{name}: {self.absent.get(name, 'not measured')}" for name in needs if name not in self.values)
        self.verdicts.append(Verdict(self.case, claim, target, found, None if found is None else met(found), why))

    def print(self, beside: str) -> None:
        """Print the table; the last column is each contestant's cost in units of `beside`, round by round."""
        print(f"\n== {self.case}: {self.title} [{self.unit}]")
        names = [*self.values, *self.absent]
        width = max((len(name) for name in names), default=0)
        for name in self.values:
            s = self.spread(name)
            ratio = self.ratio(name, beside) if name != beside else None
            tail = "" if ratio is None else f"   x{ratio.median:.2f} ({ratio.low:.2f} .. {ratio.high:.2f})"
            spread = f"{figure(s.low)} .. {figure(s.high)}"
            rate = f"   {figure(1e6 / s.median):>9} {self.rate}/s" if self.rate and s.median else ""
            print(f"  {name:<{width}}  {figure(s.median):>9}   {spread:<22} n={s.rounds}{rate}{tail}")
        for name, reason in self.absent.items():
            print(f"  {name:<{width}}  {reason}")
        for verdict in self.verdicts:
            print(verdict.line())
        sys.stdout.flush()

    def as_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)


def figure(value: float) -> str:
    """A figure with three digits that mean something."""
    return f"{value:,.0f}" if value >= 1000 else f"{value:.1f}" if value >= 100 else f"{value:.3g}"


def rounds(table: Table, measures: Mapping[str, Measure], count: int = ROUNDS) -> Table:
    """Measure everyone in turn, `count` times. Who comes first turns from round to round."""
    names = list(measures)
    table.values = {name: [] for name in names}
    for i in range(count):
        turned = names[i % len(names) :] + names[: i % len(names)]
        # Every second round runs backwards, so that nobody always follows the same neighbour.
        for name in turned if i % 2 == 0 else reversed(turned):
            table.values[name].append(measures[name]())
    return table


def ns_per_call(call: Callable[[], object], calls: int) -> float:
    """The plain loop, the same for everybody."""
    turns = range(calls)
    start = perf_counter_ns()
    for _ in turns:
        call()
    return (perf_counter_ns() - start) / calls


def ns_per_pair(first: Callable[[], object], second: Callable[[], object], calls: int) -> float:
    """The same loop around two calls."""
    turns = range(calls)
    start = perf_counter_ns()
    for _ in turns:
        first()
        second()
    return (perf_counter_ns() - start) / calls


def cpus() -> list[int]:
    """The processors that this process may use."""
    return sorted(os.sched_getaffinity(0))


@contextmanager
def pinned(*on: int) -> Iterator[None]:
    """On these processors only, and as before afterwards."""
    before = os.sched_getaffinity(0)
    if on:
        os.sched_setaffinity(0, on)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"


def environment(packages: Iterable[str]) -> dict[str, str]:
    """What the figures depend on."""
    model = platform.processor() or platform.machine()
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as info:
            model = next((line.partition(":")[2].strip() for line in info if line.startswith("model name")), model)
    except OSError:
        pass  # the architecture alone must do
    return {
        "kernel": platform.release(),
        "cpu": f"{model}, {len(cpus())} usable",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "versions": ", ".join(f"{name} {version(name)}" for name in packages),
    }
