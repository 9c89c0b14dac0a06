"""fork: the child has a handle of its own, and neither eats what is the other's."""

from __future__ import annotations

import pytest
from harness.child import Child
from harness.forks import FORKED

#: Runs in a process without threads, which alone may fork.
FORK = """
import asyncio, select, threading
event = Event("x", at=sys.argv[1]) if sys.argv[1] else Event()
back = Event("y", at=sys.argv[1]) if sys.argv[1] else Event()
def ready(fd, timeout=60): return bool(select.select([fd], [], [], timeout)[0])
"""


@pytest.fixture(params=["named", "anonymous"])
def where(request: pytest.FixtureRequest, place: str) -> str:
    return place if request.param == "named" else ""


def runs(where: str, script: str) -> None:
    with Child(FORKED + FORK + script, where) as child:
        child.check()


def test_the_child_waits_and_the_parent_sets(where: str) -> None:
    runs(
        where,
        """
from harness.asleep import until_asleep
pid = fork(lambda: event.wait() or 1 / 0)
until_asleep(pid)
event.set()
reap(pid)
""",
    )


def test_the_parent_waits_and_the_child_sets(where: str) -> None:
    runs(
        where,
        """
from harness.asleep import until_asleep
parent = os.getpid()
pid = fork(lambda: (until_asleep(parent), event.set()))
assert event.wait()
reap(pid)
""",
    )


@pytest.mark.parametrize("first", ["child", "parent"])
def test_both_listen_by_descriptor(where: str, first: str) -> None:
    """The child's looks do not consume the parent's edges, nor the other way round."""
    runs(
        where,
        f"""
mine = event.fileno()
def child():
    fd = event.fileno()
    if {first == "child"}: assert not ready(fd, 0)
    back.set()
    for n in range(1, 21):
        assert ready(fd)
        assert event.wait(since=n - 1)
        for _ in range(5): event.is_set(), event.wait(0), event.generation  # looks consume the child's edge
        back.set()
pid = fork(child)
for n in range(1, 21):
    assert back.wait()
    back.clear()
    event.set()
    assert ready(mine), n
    assert back.wait()
    assert ready(mine), n
    event.clear()
    if n < 20: back.set()
reap(pid)
assert event.generation == 20 and event.fileno() == mine
event.set()
assert ready(mine, 0)
""",
    )


def test_a_child_that_only_closes_takes_nothing_from_the_parent(where: str) -> None:
    runs(
        where,
        """
fd = event.fileno()
reap(fork(lambda: event.close()))
reap(fork(lambda: None))
assert not ready(fd, 0)
reap(fork(lambda: event.set()))
assert ready(fd) and event.is_set()
event.clear()
assert not ready(fd, 0)
event.set()
assert ready(fd)
""",
    )


def test_a_child_forked_while_the_event_was_set(where: str) -> None:
    runs(
        where,
        """
event.set()
fd = event.fileno()
def child():
    assert event.is_set() and event.wait()
    assert ready(event.fileno(), 0)
    event.clear()
    assert not ready(event.fileno(), 0)
reap(fork(child))
assert not event.is_set()
assert not ready(fd, 0)
""",
    )


def test_a_fork_while_other_threads_wait_and_set(where: str) -> None:
    """A child never inherits a lock in the middle of something, nor counts its parent's waiters as its own."""
    runs(
        where,
        """
import warnings
warnings.simplefilter("ignore", DeprecationWarning)  # forking with threads is what is tested
stop = threading.Event()
def busy():
    while not stop.is_set():
        event.set(); event.fileno(); event.wait(); event.clear(); event.wait_clear(0)
        back.wait(0.0005)
threads = [threading.Thread(target=busy) for _ in range(3)]
sleeper = threading.Thread(target=back.wait)
for t in threads + [sleeper]: t.start()
def child():
    mine = Event("z", at=sys.argv[1]) if sys.argv[1] else Event()
    for e in (mine, event):
        e.set(); e.fileno(); e.clear(); e.stats()
    mine.wait(0.0001)
    mine.set()
    assert mine.wait() and ready(mine.fileno())
    assert mine.stats().waiting_here == 0
    back.close()
for _ in range(60): reap(fork(child))
stop.set(); back.set()
for t in threads + [sleeper]:
    while t.is_alive():
        event.set()  # one may have cleared it under another's wait
        t.join(0.001)
""",
    )


def test_a_fork_in_a_running_loop(where: str) -> None:
    """The child starts a loop of its own; the parent's goes on."""
    runs(
        where,
        """
async def main():
    wait = asyncio.ensure_future(event.wait_async())
    await asyncio.sleep(0)
    def child():
        asyncio.events._set_running_loop(None)
        assert asyncio.run(back.wait_async())
        event.set()
    pid = fork(child)
    back.set()
    assert await wait
    reap(pid)
    event.clear()
    assert not await event.wait_async(0.001)
asyncio.run(main())
""",
    )


def test_a_grandchild(where: str) -> None:
    runs(
        where,
        """
event.fileno()
def child():
    assert not ready(event.fileno(), 0)
    reap(fork(lambda: (event.fileno(), event.set())))
    assert ready(event.fileno())
reap(fork(child))
assert ready(event.fileno())
""",
    )
