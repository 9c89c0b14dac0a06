"""Which plots there are: of each the file, the object and its panels, each with the case that it shows."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks.harness import Table
    from benchmarks.report.data import Measured

WAKES = "each line from the 1st to the 99th percentile, the thick part half of all, the dot the median"
ROUNDS = "the dot is the median of the rounds, the line reaches from the lowest to the highest"
SWEEP = "medians; the shade reaches from the lowest to the highest round"


@dataclasses.dataclass(frozen=True)
class Panel:
    """One pair of axes."""

    case: str
    title: str
    words: str = ""  # of the table's title: which one of the case
    kind: str = "strips"  # of single samples; "dots": of rounds; "lines": over sizes
    rate: bool = False  # a second, in place of how long one takes

    def tables(self, measured: Measured) -> list[Table]:
        if self.kind == "lines":
            return measured.sweep(self.case)
        found = measured.table(self.case, self.words)
        return [found] if found else []


@dataclasses.dataclass(frozen=True)
class Plot:
    """One file."""

    file: str
    stem: str
    title: str
    how: str
    panels: tuple[Panel, ...]

    def digest(self, measured: Measured) -> str:
        """Of all that it shows: a plot that is older than its figures is found by it."""
        shown = [[table.as_json() for table in panel.tables(measured)] for panel in self.panels]
        text = json.dumps([dataclasses.asdict(self), measured.run, shown], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:32]

    def names(self, measured: Measured) -> list[str]:
        """Whoever must be found in it."""
        return list(dict.fromkeys(name for panel in self.panels for table in panel.tables(measured)
                                  for name in (table.samples if panel.kind == "strips" else table.values)))


PLOTS = (
    Plot("event-wakes", "event", "Event: from set() until who slept is back", WAKES, (
        Panel("wake", "another process, free to choose a processor", "not pinned"),
        Panel("wake", "another process, on another processor", "pinned to"),
        Panel("wake in a process", "another thread", "until another thread"),
        Panel("asyncio", "a task of asyncio, set by a thread", "another thread"),
    )),
    Plot("event-calls", "event", "Event: calls that nobody waits for", ROUNDS, (
        Panel("is_set", "is_set()", kind="dots"), Panel("set+clear", "set(); clear()", kind="dots"),
    )),
    Plot("event-waiters", "event", "Event: until the last of many waiting processes is awake", SWEEP, (
        Panel("waiters", "set() by one, the rest asleep", kind="lines"),
    )),
    Plot("event-objects", "event", "Event: open and set one of many, by name", SWEEP, (
        Panel("objects", "all in one place", kind="lines"),
    )),
    Plot("queue-wakes", "queue", "Queue: from put() until the consumer that slept has the item", WAKES, (
        Panel("wake", "free to choose a processor", "not pinned"), Panel("wake", "on two processors", "pinned to"),
    )),
    Plot("queue-payload", "queue", "Queue: items a second over their size, one by one, 1 to 1", SWEEP, (
        Panel("payload", "from process to process, until the last one is out", kind="lines", rate=True),
    )),
    Plot("queue-processes", "queue", "Queue: items a second over the number of processes, half put, half get", SWEEP, (
        Panel("processes", "64 bytes, one by one", kind="lines", rate=True),
    )),
    Plot("queue-backlog", "queue", "Queue: what a backlog takes, in memory and on the RAM disk", "measured once", (
        Panel("backlog", "58 bytes an item", kind="lines"),
    )),
    Plot("wait-objects", "wait", "wait_any and WaitSet: one of many becomes ready, is found and taken back", SWEEP, (
        Panel("one by one", "another process makes it ready", kind="lines"),
    )),
    Plot("bus-emits", "bus", "Bus: emits and their calls", ROUNDS, (
        Panel("own loop", "on the emitter's own loop", kind="dots"),
        Panel("across threads", "from another thread", kind="dots"),
        Panel("processes", "from another process", "an emit of", kind="dots"),
    )),
    Plot("bus-wakes", "bus", "Bus: from an emit until who slept has it", WAKES, (
        Panel("emit to wait", "a task that waits, emitted by a thread"),
        Panel("wake", "a handler in another process", "not pinned"),
    )),
    Plot("watchpoint-wakes", "watchpoint", "Watchpoint: from mkdir or rmdir until it was seen", WAKES, (
        Panel("wake", "free to choose a processor", "not pinned"),
    )),
    Plot("lock-turns", "lock", "Lock: what a turn costs", ROUNDS, (
        Panel("alone", "acquire(); release() that nobody else wants", kind="dots"),
        Panel("hand-over", "release() until who slept has it", kind="dots"),
        Panel("8 processes", "8 processes that do nothing else", "per turn", kind="dots"),
    )),
    Plot("redis-wakes", "redis", "On a server: from a call until another process, which slept, has it", WAKES, (
        Panel("wake", "free to choose a processor", "not pinned"), Panel("wake", "on two processors", "pinned to"),
    )),
    Plot("redis-items", "redis", "On a server: items of a queue, beside the same commands by hand", ROUNDS, (
        Panel("items", "put()", "Queue: put()", kind="dots"), Panel("items", "get()", "Queue: get()", kind="dots"),
        Panel("items", "receive() and ack()", "receive()", kind="dots"),
    )),
    Plot("redis-clients", "redis", "On a server: turns a second of all together, over the number of processes", SWEEP, (
        Panel("clients", "a signal; or an item put, received and acked", kind="lines", rate=True),
    )),
    Plot("redis-objects", "redis", "On a server: a signal of one of many", SWEEP, (
        Panel("objects", "all in one place", kind="lines"),
    )),
)
