"""Who holds a lock, or owns an event, on a server: a cut connection and a stop are no death, and a kill is one."""

from __future__ import annotations

import contextlib
import os
import signal
from typing import TYPE_CHECKING, Any

import pytest
from harness.child import Child
from harness.state import until_state
from harness.until import until

from tocsin import Event, Lock, OwnerDied, wait_any
from tocsin._redis.owner import GRACE_NS, LOOK_NS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.servers import RedisServer

HOLD = """
lock = tocsin.Lock("lock", at=sys.argv[1])
event = tocsin.Event("event", at=sys.argv[1])
lock.acquire()
event.own(command="make all")
say(lock.fence)
hear()
event.set()
lock.release()
say("kept")
"""
COUNT = """
import contextlib
from harness.until import until

def descriptors():
    return len(os.listdir("/proc/self/fd"))

def hold(at):
    with contextlib.closing(tocsin.Lock("x", at=at)) as lock, lock:
        pass

first, *others = sys.argv[1:]
hold(first)
before = descriptors()
say("held")
for at in others:
    hold(at)
until(lambda: descriptors() <= before, "all are gone")
say("none")
"""
#: Longer than a death takes to be known.
LONGER = (GRACE_NS + 3 * LOOK_NS) / 1e9


@pytest.fixture
def place(server: RedisServer) -> str:
    return server.url()


@pytest.fixture
def lock(place: str) -> Iterator[Lock]:
    with contextlib.closing(Lock("lock", at=place)) as made:
        yield made
        if made._mine():
            made.release()


@pytest.fixture
def event(place: str) -> Iterator[Event]:
    with Event("event", at=place) as made:
        yield made


def keepers(server: RedisServer) -> set[str]:
    """The numbers of the connections that say that somebody lives."""
    found: Any = server.ask("CLIENT", "LIST")
    rows = [dict(field.split("=", 1) for field in row.split(" ")) for row in found.decode().splitlines()]
    return {row["id"] for row in rows if row["name"].startswith("tocsin-")}


def keeps_all(child: Child, lock: Lock, event: Event) -> None:
    """It is not taken for dead, in the time in which the dead are, and goes on as if nothing had been."""
    assert lock.acquire(timeout=LONGER) is False
    assert event.wait(LONGER) is False
    assert event.owner == (child.pid, "make all", True)
    child.signal(signal.SIGCONT)
    child.say()
    assert event.wait()
    assert lock.acquire()
    assert not lock.abandoned
    assert child.hear() == "kept"
    child.check()


def test_a_cut_connection_loses_nothing(server: RedisServer, place: str, lock: Lock, event: Event) -> None:
    before = keepers(server)
    with Child(HOLD, place) as child:
        child.hear()
        for _ in range(2):
            cut = keepers(server) - before
            assert cut
            for number in cut:
                server.ask("CLIENT", "KILL", "ID", number)
            until(lambda c=cut: keepers(server) - before - c, "it connected anew")
        keeps_all(child, lock, event)


def test_who_is_stopped_keeps_it(place: str, lock: Lock, event: Event) -> None:
    with Child(HOLD, place) as child:
        child.hear()
        child.signal(signal.SIGSTOP)
        until_state(child.pid, "T")
        keeps_all(child, lock, event)


def test_a_kill_frees_it_and_is_told(place: str, lock: Lock, event: Event) -> None:
    with Child(HOLD, place) as child:
        child.hear()
        child.signal(signal.SIGKILL)
        assert lock.acquire()
        assert lock.abandoned
        with pytest.raises(OwnerDied) as caught:
            event.wait()
        assert caught.value.owner == (child.pid, "make all", False)


def test_a_descriptor_tells_of_a_death_though_nobody_looks(place: str, event: Event) -> None:
    import select

    with Child(HOLD, place) as child:
        child.hear()
        poll = select.poll()
        poll.register(event.fileno(), select.POLLIN)
        assert not event.wait(0)
        child.signal(signal.SIGKILL)
        with pytest.raises(OwnerDied):  # noqa: PT012 - at whichever look
            while not event.wait(0):
                poll.poll()
        with Event("event", at=place) as late:
            assert late in wait_any(late), "and those who come later"


def test_fences_only_grow(place: str, lock: Lock) -> None:
    other = Lock("lock", at=place)
    assert lock.fence is None
    fences = []
    for handle in (lock, other, other, lock):
        with handle:
            assert handle.fence is not None
            fences.append(handle.fence)
        assert handle.fence is None
    with Child(HOLD, place) as child:
        fences.append(int(child.hear()))
        child.signal(signal.SIGKILL)
        assert other.acquire()
        assert other.fence is not None
        fences.append(other.fence)
        other.release()
    other.close()
    assert fences == sorted(set(fences))


def test_a_lock_that_another_took_is_not_given_back(place: str, lock: Lock) -> None:
    """The holder was cut off for so long that he looked dead: his release touches nothing, and says why."""
    lock.acquire()
    other = Lock("lock", at=place)
    other._bury(lock._held)
    assert other.acquire(False)
    assert other.abandoned
    with pytest.raises(RuntimeError, match="was taken by another: this process had no connection"):
        lock.release()
    assert other.locked()
    other.release()
    other.close()


def test_a_forked_child_claims_for_itself(place: str, lock: Lock, event: Event) -> None:
    lock.acquire()
    event.own(command="parent")
    pid = os.fork()
    if pid == 0:
        try:
            assert not lock.acquire(False)
            event.disown()
            event.close()
            with Event("child", at=place) as other:
                other.own(command="child")
                os._exit(0)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert event.owner == (os.getpid(), "parent", True)
    with Event("child", at=place) as other, pytest.raises(OwnerDied) as caught:
        other.wait()
    assert caught.value.owner == (pid, "child", False)
    lock.release()


def test_who_held_something_leaves_no_descriptor(server: RedisServer) -> None:
    """In a process of its own, where nothing else comes and goes."""
    with Child(COUNT, *[server.url() for _ in range(20)]) as child:
        assert [child.hear(), child.hear()] == ["held", "none"]
