"""acquire() and release() of a lock that nobody else wants, beside redis-py's, which has a time limit."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from benchmarks.cases.redis import OURS, by_hand, judge, key, place, us
from benchmarks.harness import Table, rounds
from tocsin import Lock

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.cases import Effort


def run(effort: Effort) -> Iterator[Table]:
    title = "Lock: acquire() and release() that nobody else wants"
    table = Table("lock", title, "us", rate="turns")
    lock = Lock("lock", at=place())
    theirs = by_hand().lock(key(), timeout=30)

    def by_redis_py() -> None:
        theirs.acquire()
        theirs.release()

    def ours() -> None:
        lock.acquire()
        lock.release()

    contestants = {OURS: ours, "redis-py's Lock": by_redis_py}
    calls = effort.of(1_000, 300)
    rounds(table, {name: partial(us, call, calls) for name, call in contestants.items()}, effort.rounds())
    yield judge(table, title, "redis-py's Lock")


CASES = {"lock": run}
