"""So many processes that do nothing but take the lock and give it back: what a turn costs, and how even they are."""

from __future__ import annotations

import mmap
import struct
from contextlib import ExitStack
from functools import partial
from time import monotonic, sleep
from typing import TYPE_CHECKING

from benchmarks.cases.lock import OURS, taking_part
from benchmarks.harness import Table, rounds
from benchmarks.procs import child, in_child

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.cases import Effort
    from benchmarks.peers.lock import Held


def work(held: Held, page: mmap.mmap, slot: int) -> None:
    held = held.again() if held.again else held
    acquire, release, pack = held.acquire, held.release, struct.Struct("q").pack_into
    turns = 0
    while page[0] == 0:
        acquire()
        release()
        turns += 1
        if turns % 16 == 0 or turns < 16:
            pack(page, 8 * slot, turns)


def race(make: Callable[[str], Held], tag: str, count: int, seconds: float) -> list[float]:
    """us per turn of all together, and the share of the one who had the fewest, of an even one."""
    page = mmap.mmap(-1, 8 * (count + 1))
    held = make(tag)
    with ExitStack() as stack:
        for slot in range(1, count + 1):
            stack.enter_context(child(partial(work, held, page, slot)))
        until = monotonic() + 20
        while monotonic() < until and not all(_turns(page, count)):  # until everyone is there
            sleep(0.001)
        before = _turns(page, count)
        begin = monotonic()
        sleep(seconds)
        turns = [after - was for after, was in zip(_turns(page, count), before, strict=True)]
        took = monotonic() - begin
    held.drop()
    return [took * 1e6 / max(1, sum(turns)), min(turns) * count / max(1, sum(turns))]


def _turns(page: mmap.mmap, count: int) -> list[int]:
    return [struct.unpack_from("q", page, 8 * slot)[0] for slot in range(1, count + 1)]


def compete(effort: Effort, case: str, count: int) -> Iterator[Table]:
    cost = Table(case, f"{count} processes that take the lock and give it back: per turn", "us", rate="turns")
    even = Table(case, f"{count} processes: the turns of the one who had the fewest, of an even share", "")
    seconds = effort.of(250, 150) / 1e3
    shares: dict[str, list[float]] = {}

    def measure(name: str, make: Callable[[str], Held]) -> float:
        found: list[float] = in_child(partial(race, make, f"crowd{count}", count, seconds))
        shares.setdefault(name, []).append(found[1])
        return found[0]

    peers = taking_part(cost, lambda peer: peer.across)
    rounds(cost, {peer.name: partial(measure, peer.name, peer.make) for peer in peers}, effort.rounds())
    even.values = shares
    cost.at_most("a turn", OURS, "fcntl.flock", 1.0)
    cost.print(OURS)
    yield cost
    even.print(OURS)
    yield even


def run(effort: Effort) -> Iterator[Table]:
    yield from compete(effort, "8 processes", 8)


CASES = {"8 processes": run}
