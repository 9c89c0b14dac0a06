"""Items through many hands, while the server is killed and begins again, and while those who take are killed.

What counts: an item whose put returned is received; it is received again only with a higher attempt, and never after
its ack returned.
"""

from __future__ import annotations

import contextlib
import os
import random
from typing import TYPE_CHECKING

import pytest
from harness.child import Child
from harness.prove import FULL, cases
from harness.servers import RedisServer
from harness.until import until

from tocsin import Queue

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

#: It says when it has begun. Items are put one by one, and in batches of any size.
PRODUCER = """
import random
first, count = int(sys.argv[2]), int(sys.argv[3])
chance = random.Random(first)
with tocsin.Queue("q", at=sys.argv[1]) as queue:
    say("on")
    done = 0
    while done < count:
        batch = list(range(first + done, first + min(count, done + chance.choice((1, 1, 2, 20, 300)))))
        if len(batch) == 1:
            queue.put(batch[0])
            done += 1
        else:
            done += queue.put_many(batch)
"""
#: Its file: what was received, and at which attempt; and what was acked. Lines of one length, each one write.
CONSUMER = """
file = os.open(sys.argv[2], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
queue = tocsin.Queue("q", at=sys.argv[1])
say("on")
while True:
    try:
        delivery = queue.receive()
    except tocsin.ShutDown:
        break
    os.write(file, b"R%09d%04d\\n" % (delivery.item, delivery.attempt))
    delivery.ack()
    os.write(file, b"A%09d%04d\\n" % (delivery.item, delivery.attempt))
queue.close()
"""
_LINE = 15
_MANY = 4


class Consumers:
    """So many at work; one that is killed is followed by another."""

    def __init__(self, stack: contextlib.ExitStack, place: str, directory: Path) -> None:
        self.stack, self.place, self.directory = stack, place, directory
        self.files: list[Path] = []
        self.at_work = [self.begin() for _ in range(_MANY)]

    def begin(self) -> Child:
        self.files.append(self.directory / f"consumer{len(self.files)}")
        child = self.stack.enter_context(Child(CONSUMER, self.place, str(self.files[-1])))
        assert child.hear() == "on"
        return child

    def kill(self, which: int) -> None:
        self.at_work[which].kill()
        self.at_work[which] = self.begin()

    def events(self) -> int:
        """How often anything was received or acked."""
        return sum(os.stat(file).st_size for file in self.files) // _LINE


def check(files: list[Path], count: int) -> tuple[int, int]:
    """How many were received again, and how many acks are known."""
    seen: dict[int, list[int]] = {}
    acked: dict[int, int] = {}
    for file in files:
        for line in file.read_text().splitlines():
            item, attempt = int(line[1:10]), int(line[10:14])
            if line[0] == "R":
                seen.setdefault(item, []).append(attempt)
            else:
                assert acked.setdefault(item, attempt) == attempt, f"item {item} was acked twice"
    lost = set(range(count)) - seen.keys()
    assert not lost, f"{len(lost)} of {count} are lost: {sorted(lost)[:9]}"
    assert len(seen) == count, "nothing came that was never put"
    for item, attempts in seen.items():
        assert len(set(attempts)) == len(attempts), f"item {item} came twice with one attempt: {sorted(attempts)}"
        assert max(attempts) <= acked.get(item, 9999), f"item {item} came again after its ack: {sorted(attempts)}"
    return sum(len(attempts) - 1 for attempts in seen.values()), len(acked)


@pytest.mark.prove
@pytest.mark.timeout(7200 if FULL else 1800)
def test_no_item_is_lost_and_none_comes_again_as_new(tmp_path: Path, tally: Callable[[str], None]) -> None:
    seed = int(os.environ.get("TOCSIN_SEED", random.getrandbits(31) if FULL else 1))
    count = int(os.environ.get("TOCSIN_ITEMS", cases(3_000, 1_000_000)))
    kills = cases(6, 300)
    chance = random.Random(seed)
    # The first event is a moment at which everybody is at work for certain.
    faults = [(chance.randrange(1, 2 * count), "consumer") for _ in range(kills)]
    faults += [(2 * count // 3, "server"), (4 * count // 3, "server")]
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(RedisServer("--appendonly", "yes", "--appendfsync", "always"))
        place = server.url(patience=600)
        queue = stack.enter_context(Queue("q", at=place, max_deliveries=0))
        consumers = Consumers(stack, place, tmp_path)
        share = -(-count // _MANY)
        parts = [(first, min(share, count - first)) for first in range(0, count, share)]
        producers = [stack.enter_context(Child(PRODUCER, place, str(first), str(part))) for first, part in parts]
        for at, what in sorted(faults):
            until(lambda at=at: consumers.events() >= at, f"{at} things have happened")
            if what == "consumer":
                consumers.kill(chance.randrange(_MANY))
            else:
                server.kill()
                server.start()
        for producer in producers:
            producer.check()
        assert queue.join(), "all that was put is worked off"
        queue.shutdown()
        for consumer in consumers.at_work:
            consumer.check()
        assert queue.stats().unfinished == 0
        repeats, acked = check(consumers.files, count)
    tally(
        f"{count:,} items, the server killed twice, consumers {kills} times, seed {seed}: 0 lost, {repeats} came again "
        f"with a higher attempt, {count - acked} acks of which nobody knows"
    )
