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
