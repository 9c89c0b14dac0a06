"""A handle's ear: many listen by it at once, and nobody misses what another took in."""

from __future__ import annotations

import gc
import os
import select
import threading
from typing import TYPE_CHECKING, Any

import pytest
from harness.callers import LOOPS, RUN, InThread
from harness.child import Child
from harness.places import descriptors
from harness.prove import cases
from harness.servers import RedisServer
from harness.subjects import blocked
from harness.until import age, until

from tocsin import Event, Lock, WaitSet, wait_any

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.proxies import Proxy


def failed(call: InThread) -> bool:
    return call.done() and call._future.exception() is not None


def test_threads_and_loops_on_one_handle_miss_no_edge(place: str, tally: Callable[[str], None]) -> None:
    """Each of them takes in what comes for all, and others look meanwhile, who move the last known entry on."""
    rounds = cases(150, 10_000)
    seen = [0] * 5
    over = threading.Event()
    with Event("x", at=place) as handle, Event("x", at=place) as setter:

        def plain(slot: int) -> None:
            while seen[slot] < rounds:
                assert handle.wait(since=seen[slot])
                seen[slot] = handle.generation

        async def task(slot: int) -> None:
            while seen[slot] < rounds:
                assert await handle.wait_async(since=seen[slot])
                seen[slot] = handle.generation

        def look() -> None:
            while not over.is_set():
                handle.is_set()

        calls = [InThread(lambda n=n: plain(n)) for n in range(2)]
        calls += [InThread(lambda n=n, kind=kind: RUN[kind](lambda: task(n))) for n, kind in enumerate(LOOPS, 2)]
        looks = InThread(look)
        for count in range(1, rounds + 1):
            setter.set()  # no clear yet: its entry would tell of the set as well
            until(lambda c=count: min(seen) >= c or any(map(failed, calls)), f"all saw set {count}")
            assert min(seen) >= count, [call.result() for call in calls if failed(call)]
            setter.clear()
        over.set()
        looks.result()
        for call in calls:
            call.result()
    tally(f"{rounds} sets to two threads, three loops and a looker on one handle, 0 missed")


def test_what_a_look_finds_while_the_ear_connects(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The wait has begun, and the read that it sends afterwards begins behind what it waits for."""
    with Event("x", at=place) as handle, Event("x", at=place) as setter:
        connect, looks = handle._server.connect, [setter.set, handle.is_set]

        def connecting(*args: Any) -> Any:
            while looks:
                looks.pop(0)()
            return connect(*args)

        monkeypatch.setattr(handle._server, "connect", connecting)
        handle._ear.looked += 10**15  # the look of each minute would find it, too
        wait = InThread(handle.wait)
        until(wait.done, "the wait has heard of it")
        assert wait.result()
        assert looks == []


@pytest.mark.parametrize("kind", ["thread", *LOOPS])
def test_a_pulse_reaches_those_whose_connection_was_cut(server: RedisServer, place: str, kind: str) -> None:
    with Event("x", at=place) as setter:
        for _ in range(cases(10, 200)):
            with Event("x", at=place) as handle:
                run = handle.wait if kind == "thread" else lambda h=handle: RUN[kind](h.wait_async)
                waits = [InThread(run, handle) for _ in range(3)]
                for wait in waits:
                    wait.until_asleep()
                server.ask("CLIENT", "KILL", "TYPE", "normal")
                setter.set()
                setter.clear()
                assert [wait.result() for wait in waits] == [True] * 3


def test_whoever_does_not_lead_sleeps_while_the_leader_connects(proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    with Event("x", at=proxy.url(patience=100)) as handle:
        waits = [InThread(handle.wait) for _ in range(3)]
        until(lambda: handle.stats().waiting_here == 3 and blocked(proxy.server), "they wait")
        told, naps = handle._ear.turns.told, []
        nap = told.wait
        monkeypatch.setattr(told, "wait", lambda timeout: naps.append(timeout) or nap(timeout))
        proxy.stall()
        proxy.cut()
        age(1.5)
        assert handle._ear.connecting
        assert 1 <= len(naps) < 20, naps[:30]
        proxy.flow()
        handle.set()
        assert [wait.result() for wait in waits] == [True] * 3


def test_a_set_of_waits_hears_what_a_thread_took_in(place: str) -> None:
    with Event("x", at=place) as handle, Event("y", at=place) as other, Event("x", at=place) as setter:
        for _ in range(cases(20, 1000)):
            waits = [InThread(handle.wait) for _ in range(2)]
            for wait in waits:
                wait.until_asleep()
            sets = [InThread(lambda: wait_any(handle, other)) for _ in range(2)]
            until(lambda: handle.stats().waiting_here == 4, "all wait")
            setter.set()
            setter.clear()
            assert [wait.result() for wait in waits] == [True, True]
            assert [one.result() for one in sets] == [[handle], [handle]]


def test_the_descriptor_is_readable_after_what_a_thread_took_in(place: str) -> None:
    """A pulse is an edge until this handle looks, whoever heard of it first."""
    with Event("x", at=place) as handle, Event("x", at=place) as setter:
        fd = handle.fileno()
        for _ in range(cases(20, 1000)):
            wait = InThread(handle.wait)
            wait.until_asleep()
            assert select.select([fd], [], [], 0)[0] == []
            setter.set()
            setter.clear()
            assert wait.result()
            assert select.select([fd], [], [], 0)[0] == [fd]
            assert not handle.is_set()
            assert select.select([fd], [], [], 0)[0] == []


def test_who_took_a_lock_hears_no_more_that_it_was_free(place: str) -> None:
    """The entry which tells that may be on its way when he has it already, and is then no news."""
    with Lock("x", at=place) as lock:
        lock.release()
        poll = select.poll()
        poll.register(lock.fileno(), select.POLLIN)
        for _ in range(cases(100, 10_000)):
            holder = Lock("x", at=place)
            holder.acquire()
            assert lock.acquire(blocking=False) is False
            assert poll.poll(0) == []
            with pytest.warns(ResourceWarning, match="closed while it is held"):
                holder.close()
            assert lock.acquire()
            assert poll.poll(0) == []
            lock.release()
            assert poll.poll(0)
        lock.acquire()


def test_nothing_is_left_when_the_last_object_goes() -> None:
    """Connections belong to a server's objects, and go with the last of them."""
    with RedisServer() as server:

        def connections() -> int:
            found = server.ask("CLIENT", "LIST")
            assert isinstance(found, (bytes, str, list))
            return len(found) if isinstance(found, list) else len(found.splitlines())

        alone = connections()
        before = descriptors()
        use(server.url(prefix="p"), connections)
        gc.collect()
        until(lambda: connections() == alone, "the server has heard of it")
        kinds = ("anon_inode:[eventfd]", "anon_inode:[eventpoll]")
        assert sum(row in kinds for row in descriptors()) <= sum(row in kinds for row in before)


def use(place: str, connections: Callable[[], int]) -> None:
    """All that connects, with two objects that are gone afterwards."""
    with Event("x", at=place) as one:
        two = Event("y", at=place)
        wait = InThread(one.wait)
        wait.until_asleep()
        two.fileno()
        with WaitSet([one, two]) as made:
            assert made.wait(0) == []
        for kind in LOOPS:
            assert RUN[kind](lambda: two.wait_async(0.001)) is False
        assert connections() >= 4
        one.set()
        assert wait.result()


def test_no_descriptor_left_is_an_error_that_says_so(place: str) -> None:
    script = """
import resource, errno
event = Event("x", at=sys.argv[1])
resource.setrlimit(resource.RLIMIT_NOFILE, (max(int(n) for n in os.listdir("/proc/self/fd")), 4096))
fill = []
try:
    while True: fill.append(os.open("/dev/null", os.O_RDONLY))
except OSError: pass
for call in (lambda: event.wait(3600), event.fileno, lambda: Event("y", at=sys.argv[1] + "-")):
    try: say("no error", call())
    except OSError as error: say(error.errno == errno.EMFILE)
for fd in fill: os.close(fd)
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 4096))
event.fileno(); event.set(); say(event.wait())
"""
    with Child(script, place) as child:
        assert child.check() == "True\n" * 4


def test_a_fork_in_a_handler_that_interrupts_a_wait(place: str) -> None:
    """Parent and child go on waiting, each by a connection of its own."""
    script = """
event, back = Event("x", at=sys.argv[1]), Event("y", at=sys.argv[1])
child = 0
def handler(*_):
    global child
    child = os.fork()
signal.signal(signal.SIGUSR1, handler)
say("ready")
found = event.wait()
if child == 0:
    back.set()
    os._exit(0 if found else 1)
say("parent", found, back.wait(), os.waitpid(child, 0)[1])
"""
    with Child(script, place) as child, Event("x", at=place) as event:
        assert child.hear() == "ready"
        child.until_asleep()
        os.kill(child.pid, 10)
        until(lambda: len(os.listdir(f"/proc/{child.pid}/task/{child.pid}")) and _children(child.pid), "it forked")
        event.set()
        assert child.hear() == "parent True True 0"


def _children(pid: int) -> str:
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        return file.read()
