"""Clocks that jump, the server's and a client's: nothing is lost, doubled, robbed or late for it, but what is put off.

What is put off (`nack(delay=)`) is due by the server's wall clock, for it has no other that outlives it.
"""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Any

import pytest
from harness.callers import InThread
from harness.child import Child
from harness.clock import Clock
from harness.servers import RedisServer
from harness.subjects import CALLERS, PATIENT, SUBJECTS, Subject, blocked, pending, until_blocked
from harness.until import until

from tocsin import Bus, DataEvent, Empty, Event, Lock, Queue, Signal
from tocsin._redis.owner import GRACE_NS, LOOK_NS

if TYPE_CHECKING:
    from collections.abc import Iterator

#: A month is longer than anything that the server keeps for a while: what it notes about a holder, a writer's numbers.
JUMPS = {"an-hour-back": -3600, "a-month-on": 30 * 86_400}
#: Longer than a death takes to be known.
LONGER = (GRACE_NS + 3 * LOOK_NS) / 1e9


@pytest.fixture(params=JUMPS)
def seconds(request: pytest.FixtureRequest) -> int:
    return JUMPS[request.param]


@pytest.fixture
def clock() -> Iterator[Clock]:
    with Clock() as made:
        yield made


@pytest.fixture
def clocked(clock: Clock) -> Iterator[RedisServer]:
    """A server that has that clock, and keeps what it acknowledged."""
    with RedisServer("--appendonly", "yes", "--appendfsync", "always", env=clock.environment) as running:
        yield running


def jump(clock: Clock, server: RedisServer, seconds: float) -> None:
    """Returns when the server sees the other time."""
    clock.jump(seconds)

    def has_jumped() -> bool:
        found: Any = server.ask("TIME")
        return abs(found[0] - time.time() - seconds) < 600

    until(has_jumped, "the server's clock jumped")


# -- the server's


@pytest.mark.parametrize("caller", CALLERS)
def test_the_servers_clock_jumps_in_the_midst_of_waits(
    clock: Clock, clocked: RedisServer, subject: Subject, caller: str
) -> None:
    """What was behind the last entry still is: the server never gives a smaller number."""
    place = clocked.url(patience=PATIENT)
    with subject.open(place) as handle, subject.open(place) as other:
        for turn, now in enumerate((3600, *JUMPS.values(), 0)):
            wait = pending(clocked, subject, handle, caller)
            jump(clock, clocked, now)
            assert not wait.done()
            subject.change(other)
            assert wait.result()
            assert subject.count(other) == turn + 1


def test_a_server_begins_again_with_its_clock_behind(clock: Clock, clocked: RedisServer, subject: Subject) -> None:
    """A machine whose clock runs from nought until the network is there."""
    place = clocked.url(patience=PATIENT)
    with subject.open(place) as handle, subject.open(place) as other:
        subject.change(other)
        if subject is not SUBJECTS["bus"] and subject is not SUBJECTS["event"]:
            assert subject.wait(handle, 60)
        wait = subject.start(handle)
        until_blocked(clocked, wait)
        clocked.kill()
        clock.jump(-3600)
        clocked.start()
        subject.change(other)
        assert wait.result()
        assert subject.count(other) == 2


def test_who_is_blocked_on_a_queue_while_the_clock_goes_back(clock: Clock, clocked: RedisServer) -> None:
    """The server would keep him for an hour too long. He breaks off, and what came meanwhile comes to him once."""
    with Queue[int]("q", at=clocked.url(patience=PATIENT)) as queue, Queue[int]("q", at=queue_place(queue)) as other:
        taking = InThread(lambda: [queue.receive() for _ in range(2)])
        until_blocked(clocked, taking)
        first = takers(clocked)
        jump(clock, clocked, -3600)
        until(lambda: takers(clocked) - first, "he is blocked by another connection")
        other.put_many([1, 2])
        found = taking.result()
        assert [(delivery.item, delivery.attempt) for delivery in found] == [(1, 1), (2, 1)]
        for delivery in found:
            delivery.ack()
        assert queue.qsize() == queue.stats().held == 0


def queue_place(queue: Queue[int]) -> str:
    return queue._server.address.url  # type: ignore[attr-defined]


def takers(server: RedisServer) -> set[str]:
    """The numbers of the connections by which somebody takes."""
    found: Any = server.ask("CLIENT", "LIST")
    rows = [dict(field.split("=", 1) for field in row.split(" ")) for row in found.decode().splitlines()]
    return {row["id"] for row in rows if row["name"].startswith("tocsin-take-")}


def test_what_is_put_off_goes_by_the_servers_clock(clock: Clock, clocked: RedisServer) -> None:
    """Early by as much as it jumps on, late by as much as it jumps back; never lost, and never twice."""
    with Queue[str]("q", at=clocked.url(patience=PATIENT)) as queue, Queue[str]("q", at=queue_place(queue)) as other:
        queue.put("in half an hour")
        queue.receive().nack(delay=1800)
        with pytest.raises(Empty):
            queue.get(timeout=0.1)
        taking = InThread(queue.receive)
        until_blocked(clocked, taking)
        jump(clock, clocked, 3600)
        delivery = taking.result()
        assert (delivery.item, delivery.attempt) == ("in half an hour", 2)

        delivery.nack(delay=0.5)
        jump(clock, clocked, 0)
        with pytest.raises(Empty):
            queue.get(timeout=1.5)
        assert other.stats().delayed == 1
        taking = InThread(queue.receive)
        until_blocked(clocked, taking)
        jump(clock, clocked, 3600)
        delivery = taking.result()
        assert (delivery.item, delivery.attempt) == ("in half an hour", 3)
        delivery.ack()
        assert other.qsize() == other.stats().held == other.stats().delayed == 0


HOLD = """
from tocsin import Bus, Event, Lock, Queue
at = sys.argv[1]
lock, event, queue, bus = Lock("lock", at=at), Event("event", at=at), Queue("queue", at=at), Bus("bus", at=at)
lock.acquire()
event.own(command="make all")
delivery = queue.receive()
heard = bus.subscribe("n")
say(time.time())
hear()
say(time.time())
hear()
delivery.ack()
event.set()
lock.release()
say(next(heard).args)
"""


@pytest.mark.parametrize("whose", ["the server's", "the holder's"])
def test_a_clock_jumps_and_nobody_is_robbed(clock: Clock, whose: str, seconds: int) -> None:
    """A lock, a promise, an item in hand, a listener's place: he who lives keeps them for longer than a death takes to
    be known."""
    theirs, ours = (clock.environment, None) if whose == "the server's" else (None, clock.environment)
    with RedisServer(env=theirs) as server, contextlib.ExitStack() as stack:
        at = server.url(patience=PATIENT)
        event, queue = stack.enter_context(Event("event", at=at)), stack.enter_context(Queue[str]("queue", at=at))
        bus, lock = stack.enter_context(Bus("bus", at=at)), stack.enter_context(contextlib.closing(Lock("lock", at=at)))
        child = stack.enter_context(Child(HOLD, at, env=ours))
        queue.put("item")
        begun = float(child.hear())
        if theirs:
            jump(clock, server, seconds)
        else:
            clock.jump(seconds)
        child.say()
        assert (abs(float(child.hear()) - begun) > 1800) is bool(ours)
        taking = InThread(lambda: queue.get(timeout=LONGER))
        locking = InThread(lambda: lock.acquire(timeout=LONGER))
        assert event.wait(LONGER) is False
        assert locking.result() is False
        with pytest.raises(Empty):
            taking.result()
        assert event.owner == (child.pid, "make all", True)
        assert (queue.stats().held, bus._topic.subscribers) == (1, 1)
        bus.emit("n", (7,))
        child.say()
        assert child.hear() == "(7,)"
        assert event.wait()
        assert lock.acquire()
        assert not lock.abandoned
        lock.release()
        assert queue.qsize() == queue.stats().held == 0
        child.check()


# -- a client's

WAIT = """
import contextlib, threading
from harness.callers import RUN
from tocsin import Bus, DataEvent, Event, Lock, Queue, Signal
at, how = sys.argv[1:]
event, signalled, value = Event("event", at=at), Signal("signal", at=at), DataEvent("data", at=at)
queue, lock, bus = Queue("queue", at=at), Lock("lock", at=at), Bus("bus", at=at)
waits = {
    "event": (event, "wait", ()), "signal": (signalled, "wait", ()), "data": (value, "wait", ()),
    "queue": (queue, "get", ()), "lock": (lock, "acquire", ()), "bus": (bus, "wait", ("n",)),
}

def call(name, timeout):
    handle, what, args = waits[name]
    try:
        if how == "thread":
            return getattr(handle, what)(*args, timeout=timeout)
        return RUN[how](lambda: getattr(handle, what + "_async")(*args, timeout=timeout))
    except (tocsin.Empty, TimeoutError):
        return None

def run(name):
    begun = time.monotonic()
    found = call(name, 3)
    assert not found, (name, found)
    assert time.monotonic() - begun >= 2.9, name
    say(name, "in time")
    assert call(name, None) is not None, name
    say(name, "released")

with contextlib.suppress(TimeoutError):
    bus.wait("n", timeout=0.01)
before = time.time()
threads = [threading.Thread(target=run, args=(name,)) for name in waits]
for thread in threads:
    thread.start()
say("waiting")
hear()
assert abs(time.time() - before) > 1800
for thread in threads:
    thread.join()
"""


@pytest.mark.parametrize("caller", CALLERS)
def test_a_clients_clock_jumps_in_the_midst_of_its_waits(
    server: RedisServer, clock: Clock, caller: str, seconds: int
) -> None:
    """A timeout is as long as it was, and what comes releases: a client looks at no wall clock."""
    at = server.url(patience=PATIENT)
    with contextlib.ExitStack() as stack:
        handles = {
            name: stack.enter_context(cls(name, at=at))
            for name, cls in {"event": Event, "signal": Signal, "data": DataEvent, "queue": Queue, "bus": Bus}.items()
        }
        lock = stack.enter_context(contextlib.closing(Lock("lock", at=at)))
        lock.acquire()
        child = stack.enter_context(Child(WAIT, at, caller, env=clock.environment))
        assert child.hear() == "waiting"
        until(lambda: blocked(server) >= 5, "it waits")
        clock.jump(seconds)
        child.say()
        assert sorted(child.hear() for _ in range(6)) == sorted(f"{name} in time" for name in (*handles, "lock"))
        until(lambda: blocked(server) >= 5, "it waits again")
        clock.jump(0)
        handles["event"].set()
        handles["signal"].signal()
        handles["data"].signal("value")
        handles["queue"].put("item")
        lock.release()
        ends = InThread(lambda: sorted(child.hear() for _ in range(6)))

        def emitted() -> bool:
            """Again and again: an emit is for those who wait, and only the child knows since when it does."""
            handles["bus"].emit("n")
            return ends.done()

        until(emitted, "all are released")
        assert ends.result() == sorted(f"{name} released" for name in (*handles, "lock"))
        child.check()
