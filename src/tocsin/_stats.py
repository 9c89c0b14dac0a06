"""What an object tells about itself: the debugging tool, and how a test knows that somebody waits."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EventStats:
    """An event at one instant. Times in seconds; bits as they stand in the shared word."""

    name: str | None
    at: str | None
    path: str | None
    kind: str
    is_set: bool
    #: how many times it became set
    generation: int
    #: somebody may sleep in the futex for it to be set (may be on though nobody does; never missing)
    sleepers: bool
    #: somebody may listen by descriptor or loop (may be on though nobody does; never missing)
    listeners: bool
    #: blocked or awaiting at this moment on this very handle
    waiting_here: int
    removed: bool
    #: may this handle set, clear and wait
    writable: bool
    mode: int
    #: of this incarnation, random
    id: int
    #: seconds since the epoch
    created: float


@dataclass(frozen=True, slots=True)
class SignalStats:
    """A signal at one instant. Times in seconds; bits as they stand in the shared word."""

    name: str | None
    at: str | None
    path: str | None
    kind: str
    #: how many signals there have ever been
    count: int
    #: somebody may listen (may be on though nobody does; never missing)
    listeners: bool
    #: blocked or awaiting at this moment on this very handle
    waiting_here: int
    removed: bool
    #: may this handle signal and wait
    writable: bool
    mode: int
    #: of this incarnation, random
    id: int
    #: seconds since the epoch
    created: float


@dataclass(frozen=True, slots=True)
class DataEventStats:
    """A data event at one instant. Times in seconds; bits as they stand in the shared word."""

    name: str | None
    at: str | None
    path: str | None
    kind: str
    #: how many values there have been; 0: none yet
    version: int
    #: somebody may listen (may be on though nobody does; never missing)
    listeners: bool
    #: blocked or awaiting at this moment on this very handle
    waiting_here: int
    removed: bool
    #: may this handle signal and wait
    writable: bool
    mode: int
    #: of this incarnation, random
    id: int
    #: seconds since the epoch
    created: float


@dataclass(frozen=True, slots=True)
class QueueStats:
    """A queue at one instant. Times in seconds; all figures are of that instant, none is a promise."""

    name: str | None
    at: str | None
    path: str | None
    kind: str
    #: items that a get would find
    ready: int
    #: items that were given back with a delay that has not passed
    delayed: int
    #: items in somebody's hands, received and not yet acked
    held: int
    #: what join waits for
    unfinished: int
    #: bytes of what is ready or delayed
    bytes: int
    #: items that were ever accepted
    puts: int
    #: files that hold the items, and their size together
    segments: int
    file_bytes: int
    maxsize: int
    max_bytes: int
    max_deliveries: int
    codec: str
    durable: bool
    is_shutdown: bool
    #: somebody may listen (may be on though nobody does; never missing)
    listeners: bool
    #: blocked or awaiting at this moment on this very handle
    waiting_here: int
    removed: bool
    #: may this handle put and get
    writable: bool
    mode: int
    #: of this incarnation, random
    id: int
    #: seconds since the epoch
    created: float
