"""How fast objects change: what two looks differ in, by the time between them. One look can't know a rate."""

from __future__ import annotations

from tocsin.cli._kinds import LOCK, QUEUE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from tocsin.cli._walk import Seen

#: Changes a second; and of a queue: items a second that were got, acked, or dropped.
Rate = tuple[float, float | None]


def done(one: Seen) -> int:
    """Items of a queue that are gone for good; puts less what is in it or in somebody's hands."""
    assert one.found is not None
    found = one.found
    gone: int = found["count"] - found["ready"] - found["delayed"] - found["held"]
    return gone


def rates(before: Iterable[Seen], now: Iterable[Seen]) -> dict[str, Rate]:
    """By path. Missing: what was not there before, what can't be read; and locks, whose file has only the last
    bits of how often they were taken."""
    earlier = {one.key: one for one in before if one.found is not None}
    found = {}
    for one in now:
        was = earlier.get(one.key)
        if was is None or was.found is None or one.found is None or one.found["kind"] == LOCK:
            continue
        seconds = one.when - was.when
        if seconds > 0:
            gone = (done(one) - done(was)) / seconds if one.found["kind"] == QUEUE else None
            found[one.path] = ((one.found["count"] - was.found["count"]) / seconds, gone)
    return found
