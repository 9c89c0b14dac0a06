"""A host that vanishes with all that its processes hold, and tells nobody; and one that only looks like it."""

from __future__ import annotations

import contextlib
import os
import signal
from typing import TYPE_CHECKING, Any

import pytest
from harness.cable import SERVERS, Cable
from harness.callers import InThread
from harness.child import Child
from harness.servers import RedisServer
from harness.state import until_state
from harness.subjects import blocked
from harness.until import until

from tocsin import Bus, Empty, Event, Lock, OwnerDied, Queue
from tocsin._redis.owner import GRACE_NS, LOOK_NS

if TYPE_CHECKING:
    from collections.abc import Iterator

PATIENT = 150
#: The server asks a silent connection's host after so many seconds, and then thrice, a third of that apart (at least a
#: second): so it knows after four.
KEEPALIVE = 1, 4
#: Longer than a death takes to be known, also a host's.
LONGER = KEEPALIVE[1] + (GRACE_NS + 3 * LOOK_NS) / 1e9

HOLD = """
from tocsin import Bus, Event, LeaseLost, Lock, Queue
at = sys.argv[1]
lock, event, queue, bus = Lock("lock", at=at), Event("event", at=at), Queue("queue", at=at), Bus("bus", at=at)
lock.acquire()
event.own(command="make all")
delivery = queue.receive()
heard = bus.subscribe("n")
say(delivery.item, lock.fence)
hear()
try:
    delivery.ack()
    say("acked")
except LeaseLost:
    say("lost")
try:
    lock.release()
    say("released")
except RuntimeError as error:
    say(error)
"""


@pytest.fixture
def cable() -> Iterator[Cable]:
    with Cable() as made:
        yield made


@pytest.fixture
def server(cable: Cable) -> Iterator[RedisServer]:
    """On a host of its own. We ask by its socket, and the others by TCP."""
    options = ("--bind", SERVERS, "--port", "6379", "--protected-mode", "no", "--tcp-keepalive", str(KEEPALIVE[0]))
    with RedisServer(*options, within=cable.servers) as running:
        yield running


class Objects:
    """What they share with us."""

    def __init__(self, at: str) -> None:
        self.lock, self.event = Lock("lock", at=at), Event("event", at=at)
        self.queue, self.bus = Queue[str]("queue", at=at), Bus("bus", at=at)

    def close(self) -> None:
        for each in (self.lock, self.event, self.queue, self.bus):
            each.close()


@pytest.fixture
def at(server: RedisServer) -> str:
    return server.url(patience=PATIENT)


@pytest.fixture
def ours(at: str) -> Iterator[Objects]:
    with contextlib.closing(Objects(at)) as made:
        yield made


def theirs(at: str, host: str) -> str:
    """The same place, as it is reached from elsewhere."""
    return f"redis://{host}?{at.partition('?')[2]}"


def test_a_host_that_vanishes_is_dead_when_the_server_has_noticed(cable: Cable, ours: Objects, at: str) -> None:
    """What it held comes back, and whoever waits is told; when it comes back itself, it finds that it has nothing."""
    ours.queue.put("item")
    with Child(HOLD, theirs(at, SERVERS), within=cable.others) as child:
        item, fence = child.hear().split()
        assert item == "item"
        assert (ours.queue.stats().held, ours.bus._topic.subscribers, ours.lock.locked()) == (1, 1, True)
        cable.unplug()
        locking = InThread(ours.lock.acquire)
        taking = InThread(ours.queue.receive)
        with pytest.raises(OwnerDied) as caught:
            ours.event.wait()
        assert caught.value.owner == (child.pid, "make all", False)
        delivery = taking.result()
        assert (delivery.item, delivery.attempt) == ("item", 2)
        delivery.ack()
        until(lambda: not ours.bus._topic.subscribers, "its place is given up")
        assert locking.result()
        assert ours.lock.abandoned
        assert ours.lock.fence is not None
        assert ours.lock.fence > int(fence)
        assert child.process.poll() is None, "it lives, and nobody here can know"

        cable.plug_in()
        child.say()
        assert child.hear() == "lost"
        assert "was taken by another: this process had no connection" in child.hear()
        assert ours.lock.locked()
        ours.lock.release()
        assert ours.queue.qsize() == ours.queue.stats().held == 0


TAKE = """
from tocsin import Queue
queue = Queue("queue", at=sys.argv[1])
say("on")
say(queue.get())
"""


def test_an_item_that_is_sent_to_a_host_that_has_vanished_comes_to_another(
    cable: Cable, server: RedisServer, ours: Objects, at: str
) -> None:
    """It waited first, so the server gives it to that."""
    with Child(TAKE, theirs(at, SERVERS), within=cable.others) as child:
        assert child.hear() == "on"
        until(lambda: blocked(server), "it waits")
        cable.unplug()
        ours.queue.put("item")
        delivery = ours.queue.receive()
        assert delivery.item == "item"
        delivery.ack()
        assert ours.queue.qsize() == ours.queue.stats().held == 0


def test_a_stopped_process_answers_for_its_host() -> None:
    """It is the kernel that the server's kernel asks, so who is slow, or stopped, keeps all that he has."""
    host = f"127.78.{os.getpid() >> 8 & 255}.{os.getpid() & 255 or 1}"  # an address that nobody else uses
    with RedisServer("--bind", host, "--port", "6379", "--tcp-keepalive", str(KEEPALIVE[0])) as server:
        at = server.url(patience=PATIENT)
        with contextlib.closing(Objects(at)) as ours, Child(HOLD, theirs(at, host)) as child:
            ours.queue.put("item")
            child.hear()
            child.signal(signal.SIGSTOP)
            until_state(child.pid, "T")
            before = keepers(server)
            taking = InThread(lambda: ours.queue.get(timeout=LONGER))
            locking = InThread(lambda: ours.lock.acquire(timeout=LONGER))
            assert ours.event.wait(LONGER) is False
            assert locking.result() is False
            with pytest.raises(Empty):
                taking.result()
            assert (ours.queue.stats().held, ours.bus._topic.subscribers) == (1, 1)
            assert keepers(server) >= before, "its connection is the one that it was"
            child.signal(signal.SIGCONT)
            child.say()
            assert [child.hear(), child.hear()] == ["acked", "released"]


def keepers(server: RedisServer) -> set[str]:
    """The numbers of the connections that say that somebody lives."""
    found: Any = server.ask("CLIENT", "LIST")
    rows = [dict(field.split("=", 1) for field in row.split(" ")) for row in found.decode().splitlines()]
    return {row["id"] for row in rows if row["name"].startswith("tocsin-") and "take" not in row["name"]}
