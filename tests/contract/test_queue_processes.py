"""Unrelated processes on one queue: each item once, each producer's in its order, whoever dies meanwhile."""

from __future__ import annotations

import contextlib
import json
import signal
from typing import TYPE_CHECKING, Any

import pytest
from harness.child import Child
from harness.prove import cases
from harness.until import until

from tocsin import Queue

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

COUNT = cases(10_000, 200_000)

PRODUCER = """
q = tocsin.Queue('q', at=sys.argv[1])
who, count = int(sys.argv[2]), int(sys.argv[3])
for number in range(count): q.put([who, number])
"""
GETTER = """
import json
q = tocsin.Queue('q', at=sys.argv[1])
say(json.dumps(list(q)))
"""
#: Says each item and acks it when it hears a line, or at the end of its input.
RECEIVER = """
q = tocsin.Queue('q', at=sys.argv[1])
say('ready')
while True:
    try: delivery = q.receive()
    except tocsin.ShutDown: break
    say(*delivery.item, delivery.attempt)
    hear()
    delivery.ack()
"""


@pytest.mark.parametrize("how", ["unbounded", "bounded"])
def test_two_and_two(place: str, how: str, tally: Callable[[str], None]) -> None:
    with contextlib.ExitStack() as stack:
        queue = stack.enter_context(Queue("q", at=place, maxsize=0 if how == "unbounded" else 50))
        count = COUNT if how == "unbounded" else COUNT // 5
        getters = [stack.enter_context(Child(GETTER, place)) for _ in range(2)]
        producers = [stack.enter_context(Child(PRODUCER, place, str(who), str(count))) for who in range(2)]
        for child in producers:
            child.check()
        queue.shutdown()
        found = [json.loads(child.hear()) for child in getters]
        for child in getters:
            child.check()
        assert sorted(found[0] + found[1]) == [[who, number] for who in range(2) for number in range(count)]
        for taken in found:
            for who in range(2):
                numbers = [number for by, number in taken if by == who]
                assert numbers == sorted(numbers)
        assert queue.stats().puts == 2 * count
    tally(f"{2 * count} items, {how}")


def test_receivers_are_killed(place: str, tally: Callable[[str], None]) -> None:
    """Nothing is lost, and what comes twice says so."""
    count, kills = cases(300, 3_000), cases(6, 60)
    seen: list[tuple[int, int]] = []

    def note(lines: str) -> None:
        for line in lines.split("\n")[:-1]:  # a line that was cut by the kill was not said
            _, number, attempt = line.split()
            seen.append((int(number), int(attempt)))

    with Queue("q", at=place, max_deliveries=0) as queue:
        queue.put_many([0, number] for number in range(count))
        for turn in range(kills):
            with Child(RECEIVER, place) as child:
                assert child.hear() == "ready"
                child.say("\n" * (4 + turn % 7))  # so many acks, and it is killed on the way to them or behind the last
                for _ in range(turn % 7):
                    note(child.hear() + "\n")
                child.signal(signal.SIGKILL)
                child.end()
                note(child.rest)  # what it had said before it died
        queue.shutdown()

        def work_off() -> bool:
            with Child(RECEIVER, place) as child:
                assert child.hear() == "ready"
                assert child.end() == 0
                note(child.rest)
            return queue.join(0)  # asks for the dead, whose items the next receiver then gets

        until(work_off, "all is done")
        assert {number for number, _ in seen} == set(range(count)), "none is lost"
        first = [number for number, attempt in seen if attempt == 1]
        assert len(first) == len(set(first)), "twice only with attempt > 1"
    tally(f"{count} items, {kills} receivers killed, {len(seen) - count} repeated")


def test_producers_are_killed(place: str) -> None:
    """What a producer said that it put is there; what it was putting is there whole, or not at all."""
    script = """
q = tocsin.Queue('q', at=sys.argv[1])
number = 0
while True:
    q.put([number, 'x' * 3000])
    say(number)
    number += 1
"""
    with Queue("q", at=place) as queue:
        for _ in range(cases(5, 100)):
            with Child(script, place) as child:
                for _ in range(20):
                    child.hear()
                child.signal(signal.SIGKILL)
                child.end()
                said = [*range(20), *map(int, [line for line in child.rest.split("\n")[:-1] if line])]
            found: list[Any] = []
            while not queue.empty():
                found.append(queue.get())
            assert [number for number, _ in found] == list(range(len(found)))
            assert len(said) <= len(found) <= len(said) + 1
            assert {text for _, text in found} == {"x" * 3000}


def test_durable_on_a_disk(tmp_path: Path) -> None:
    """That the promise holds at a power cut is for tests/crash; here that it is a queue like any other."""
    with Queue("q", at=f"{tmp_path}/", durable=True) as queue:
        assert queue.stats().durable
        queue.put_many([1, 2, 3])
        with queue.receive() as delivery:
            assert delivery.item == 1
        for _ in range(5):
            queue.receive(60).nack()
            queue.receive(60).nack()
        assert {letter["item"] for letter in queue.dead.get_many(2)} == {2, 3}
        assert queue.dead.stats().durable
        assert queue.redrive() == 0
    with Queue("q", at=f"{tmp_path}/", create=False) as again:
        assert again.stats().durable
        assert again.empty()
        again.put("x")
        assert again.get() == "x"
