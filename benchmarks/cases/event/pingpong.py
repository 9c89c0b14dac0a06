"""Two processes take turns: set(a), wait(b), clear(b) against wait(a), clear(a), set(b). Per round trip: two wakes."""

from __future__ import annotations

from functools import partial
from time import perf_counter_ns
from typing import TYPE_CHECKING

from benchmarks.cases.event import OURS, processes, with_a_flag
from benchmarks.harness import Table, cpus, rounds
from benchmarks.peers import Absent
from benchmarks.peers import event as peers
from benchmarks.peers.event import Flag, tocsin_event
from benchmarks.procs import c_program, child, in_child, output_of, place

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.cases import Effort

FLOOR = "the core, from C"
FUTEX = "bare futexes, from C"
SPIN_S = 200e-6  # longer than any round trip; shorter than a time slice


def serve(a: Flag, b: Flag, turns: int) -> None:
    """The child's half."""
    a = a.again() if a.again else a
    b = b.again() if b.again else b
    wait, clear, ring = a.wait, a.clear, b.set
    assert wait is not None
    for _ in range(turns):
        wait()
        clear()
        ring()


def play(make: Callable[[str], Flag], turns: int, on: tuple[int, int] | None) -> float:
    """ns per round trip between this process and a child."""
    warm = turns // 10 + 1
    a = make("ping")
    try:
        b = make("pong")
        try:
            with child(partial(serve, a, b, warm + turns), pin=(on[1],) if on else ()):
                ring, wait, clear = a.set, b.wait, b.clear
                assert wait is not None
                for count in (warm, turns):
                    start = perf_counter_ns()
                    for _ in range(count):
                        ring()
                        wait()
                        clear()
                return (perf_counter_ns() - start) / turns
        finally:
            b.drop()
    finally:
        a.drop()


def measure(make: Callable[[str], Flag], turns: int, on: tuple[int, int] | None) -> float:
    """The same in microseconds, from a process of its own: its affinity and its threads are nobody else's."""
    ns: float = in_child(partial(play, make, turns, on), pin=(on[0],) if on else ())
    return ns / 1e3


def from_c(
    floor: str, game: str, here: str, turns: int, on: tuple[int, int] | None, *, spin_s: float = 0.0
) -> float:
    a, b = on or (-1, -1)
    return output_of(floor, game, here, str(turns), str(a), str(b), str(round(spin_s * 1e9))) / 1e3


def asleep_between(effort: Effort, on: tuple[int, int] | None) -> Table:
    where = f"pinned to the processors {on[0]} and {on[1]}" if on else "not pinned"
    table = Table("ping-pong", f"a round trip between two processes, {where}", "us")
    turns = effort.of(1_000, 500)
    with c_program("floor_event", core=True) as floor, place() as here:
        measures: dict[str, Callable[[], float]] = {}
        for peer in processes(with_a_flag(peers.all_peers())):
            try:
                peer.make("probe").drop()
            except Absent as reason:
                table.absent[peer.name] = str(reason)
            else:
                measures[peer.name] = partial(measure, peer.make, turns, on)
        measures[FLOOR] = partial(from_c, floor, "pingpong", here, turns, on)
        measures[FUTEX] = partial(from_c, floor, "futex", here, turns, on)
        rounds(table, measures, effort.rounds())
    table.at_most(f"ping-pong, {where}", OURS, FLOOR, 1.2)
    table.at_most(f"ping-pong, {where}", OURS, "SystemEvent", 0.85)
    table.print(OURS)
    return table


def spinning(effort: Effort, on: tuple[int, int]) -> Table:
    title = f"a round trip with spin={SPIN_S * 1e6:g} us, on the processors {on[0]} and {on[1]}"
    table = Table("ping-pong", title, "us")
    ours = f"{OURS}, spinning"
    turns = effort.of(10_000, 5_000)
    with c_program("floor_event", core=True) as floor, place() as here:
        measures: dict[str, Callable[[], float]] = {
            ours: partial(measure, partial(tocsin_event.open_event, spin=SPIN_S), turns, on),
            f"{FLOOR}, spinning": partial(from_c, floor, "pingpong", here, turns, on, spin_s=SPIN_S),
            f"{FUTEX}, spinning": partial(from_c, floor, "futex", here, turns, on, spin_s=SPIN_S),
        }
        rounds(table, measures, effort.rounds())
    table.below("ping-pong, spinning on two free processors", ours, 1.0)
    table.print(ours)
    return table


def run(effort: Effort) -> Iterator[Table]:
    usable = cpus()
    if len(usable) < 2:
        yield asleep_between(effort, None)
        print("  (pinned and spinning: need two processors)")
        return
    on = usable[0], usable[1]
    yield asleep_between(effort, on)
    yield asleep_between(effort, None)
    yield spinning(effort, on)


CASES = {"ping-pong": run}
