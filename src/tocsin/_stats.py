"""What an object tells about itself: the debugging tool, and how a test knows that somebody waits."""

from __future__ import annotations

from dataclasses import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tocsin._owner import Owner


@dataclass(frozen=True, slots=True)
class ObjectStats:
    """What every object tells."""

    name: str | None
    at: str | None
    path: str | None
    kind: str
    #: somebody may listen, by descriptor or loop (may be on though nobody does; never missing)
    listeners: bool
    #: blocked or awaiting at this moment on this very handle
    waiting_here: int
    removed: bool
    #: may this handle change it, and wait
    writable: bool
    mode: int
    #: of this incarnation, random
    id: int
    #: seconds since the epoch
    created: float


@dataclass(frozen=True, slots=True)
class EventStats(ObjectStats):
    """An event at one instant. Times in seconds; bits as they stand in the shared word."""

    is_set: bool
    #: how many times it became set
    generation: int
    #: somebody may sleep in the futex for it to be set (may be on though nobody does; never missing)
    sleepers: bool
    #: who has promised to set it, living or dead; None: nobody
    owner: Owner | None


@dataclass(frozen=True, slots=True)
class SignalStats(ObjectStats):
    """A signal at one instant. Times in seconds; bits as they stand in the shared word."""

    #: how many signals there have ever been
    count: int


@dataclass(frozen=True, slots=True)
class DataEventStats(ObjectStats):
    """A data event at one instant. Times in seconds; bits as they stand in the shared word."""

    #: how many values there have been; 0: none yet
    version: int


@dataclass(frozen=True, slots=True)
class TopicStats(ObjectStats):
    """The log of a named bus at one instant. Times in seconds; all figures are of that instant, none is a promise."""

    #: how many emits there have ever been
    emits: int
    #: the number of the oldest that is retained (emits + 1: none is)
    oldest: int
    #: the number of the last that this handle has heard, or begins behind; None: it does not listen
    cursor: int | None
    #: how many this handle has not heard yet
    behind: int
    #: handles that listen, in all living processes together
    subscribers: int
    #: files that hold what is retained, and their size together
    segments: int
    file_bytes: int
    max_bytes: int


@dataclass(frozen=True, slots=True)
class QueueStats(ObjectStats):
    """A queue at one instant. Times in seconds; all figures are of that instant, none is a promise."""

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


@dataclass(frozen=True, slots=True)
class LockStats(ObjectStats):
    """A lock at one instant. Times in seconds; bits as they stand in the shared word."""

    #: a living process holds it
    locked: bool
    #: who holds it, or died holding it; None: nobody
    holder: Owner | None
    #: this very handle holds it
    held_here: bool


@dataclass(frozen=True, slots=True)
class WatchpointStats:
    """A handler of watchpoints at one instant."""

    watchpoints: int
    #: "inotify", or "looks every 50 ms", where the kernel does not tell of every change
    how: str
    #: why it looks; None: it doesn't
    why: str | None
    #: directories that are watched
    watches: int
    #: how often the kernel lost events, so that everything was looked at
    overflows: int
    #: directories on the way to markers that this user may not watch: whether one is moved is looked at once a minute
    unwatched: tuple[str, ...]
    #: blocked or awaiting at this moment on this very handler
    waiting_here: int


@dataclass(frozen=True, slots=True)
class BusStats:
    """A bus, as this process sees it at one instant; none of the figures is a promise."""

    name: str | None
    at: str | None
    path: str | None
    kind: str
    handlers: int
    #: `wait` and `wait_async` that have not heard their event
    waits: int
    subscriptions: int
    #: emits that handlers and subscriptions have still to hear
    queued: int
    #: emits that those of them that are registered now have missed because they were too far behind
    dropped: int
    #: blocked or awaiting at this moment: in waits, in subscriptions, and for room
    waiting_here: int
    closed: bool
    #: of a bus with a name: how many living processes (handles) listen
    subscribers: int | None
