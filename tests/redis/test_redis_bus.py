"""What a bus has to stand that lives on a server: cut connections, restarts, lost answers, forks."""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import threading
from typing import TYPE_CHECKING, Any

import pytest
from harness.callers import InThread
from harness.child import Child
from harness.forks import FORKED
from harness.proxies import Proxy
from harness.servers import RedisServer
from harness.subjects import blocked
from harness.until import until

from tocsin import Bus, Event, ObjectRemoved, Unreachable, wait_any
from tocsin._redis.line import Line, unreachable
from tocsin._topic import Topic

if TYPE_CHECKING:
    from collections.abc import Iterator

    Pair = tuple[RedisServer, RedisServer, Proxy]

LEAST = 32 << 10


@pytest.fixture
def lasting() -> Iterator[RedisServer]:
    """A server of the test's own, which remembers everything when it is killed."""
    with RedisServer("--appendonly", "yes", "--appendfsync", "always") as running:
        yield running


def cut_all(server: RedisServer) -> None:
    server.ask("CLIENT", "KILL", "TYPE", "normal")


def number(found: Any) -> int:
    n: int = found.wait(60).args[0]
    return n


def patient(found: Any) -> Any:
    """The next event, also if the last moment without the server ends a patience that is short."""
    while True:
        with contextlib.suppress(Unreachable):
            return found.wait(60)


def test_whose_connection_is_cut_goes_on_where_it_was(server: RedisServer) -> None:
    at = server.url()
    with Bus("bus", at=at) as bus, bus.subscribe("x") as found, Topic("bus", at=at, replay=0) as topic:
        for n in range(300):
            if n % 10 == 5:
                cut_all(server)
            bus.emit("x", (n,))
            if n % 3 == 0:
                assert topic.read(60)[0] == n // 3 + 1
        assert [number(found) for _ in range(300)] == [*range(300)]
        assert found.queued == 0
        assert [topic.read(60)[0] for _ in range(200)] == [*range(101, 301)]


def test_one_that_sleeps_while_it_is_cut_off_hears_what_was_emitted_meanwhile(server: RedisServer) -> None:
    with Bus("bus", at=server.url()) as bus:
        heard: list[Any] = []
        waiter = threading.Thread(target=lambda: heard.append(bus.wait("x", 60)))
        waiter.start()
        until(lambda: bus.stats().waiting_here == 1, "it waits")
        cut_all(server)
        bus.emit("x", (1,))
        waiter.join(60)
        assert [event.args for event in heard] == [(1,)]


def test_a_server_that_is_killed_and_comes_back_has_lost_and_repeated_nothing(lasting: RedisServer) -> None:
    at = lasting.url()
    reports: list[Any] = []
    with Bus("bus", at=at, on_error=lambda error, *_: reports.append(error)) as bus, bus.subscribe("x") as found:

        def emit() -> None:
            for n in range(600):
                bus.emit("x", (n,))

        emitter = threading.Thread(target=emit)
        emitter.start()
        heard = []
        for enough in (100, 300):
            heard += [number(found) for _ in range(enough - len(heard))]
            lasting.kill()
            lasting.start()
        heard += [number(found) for _ in range(600 - len(heard))]
        emitter.join(60)
        assert heard == [*range(600)]
        assert found.queued == 0
        assert reports == []


def test_a_server_that_comes_back_with_nothing_has_no_such_bus(server: RedisServer) -> None:
    del server
    with RedisServer() as forgetful, Bus("bus", at=forgetful.url(), on_error=lambda *_: None) as bus:
        found = bus.subscribe("x")
        forgetful.kill()
        forgetful.start()
        with pytest.raises(ObjectRemoved):
            found.wait(60)
        with pytest.raises(ObjectRemoved):
            bus.emit("x")


def test_a_wait_whose_server_is_lost_says_so(lasting: RedisServer) -> None:
    reports: list[Any] = []
    heard: list[int] = []
    with Bus("bus", at=lasting.url(patience=1), on_error=lambda error, *_: reports.append(error)) as bus:
        bus.register("x", heard.append)
        with bus.subscribe("y") as found:
            errors: list[Exception] = []

            def note(wait: Any) -> None:
                try:
                    wait()
                except Exception as error:
                    errors.append(error)

            async def on_a_loop(timeout: float | None) -> None:
                await bus.wait_async("y", timeout)

            waits: list[Any] = [
                lambda: bus.wait("y", 0.5),
                lambda: bus.wait("y"),
                found.wait,
                lambda: asyncio.run(on_a_loop(None)),
                lambda: asyncio.run(on_a_loop(0.5)),
            ]
            threads = [threading.Thread(target=note, args=(wait,)) for wait in waits]
            for thread in threads:
                thread.start()
            until(lambda: bus.stats().waiting_here + len(errors) >= len(waits), "they wait")
            lasting.kill()
            for thread in threads:
                thread.join(60)
            # Those with a timeout may have come to their end before the server did.
            assert {type(error) for error in errors} <= {Unreachable, TimeoutError}
            assert sum(type(error) is Unreachable for error in errors) >= 3
            until(lambda: reports, "it is reported")
            assert [type(error) for error in reports] == [Unreachable]
            with pytest.raises(Unreachable):
                found.wait(0.1)
            lasting.start()
            bus.emit("y", (1,))
            assert patient(found).args == (1,)
        bus.emit("x", (2,))
        until(lambda: heard == [2], "handlers hear again")


def test_a_wait_counts_from_its_call(server: RedisServer) -> None:
    """Wherever the reader happens to be: nothing that was emitted before, all that is emitted after."""
    at = server.url()
    with (
        Bus("bus", at=at) as bus,
        Child(f"""
            bus = tocsin.Bus("bus", at={at!r})
            while (word := hear()):
                for n in range(int(word)): bus.emit("x", (n,))
                say("done")
        """) as child,
        bus.subscribe("x") as everything,
    ):
        for _ in range(20):
            child.say("30")
            assert child.hear() == "done"
            wait = bus.wait_async("x", 60)
            child.say("1")
            assert child.hear() == "done"

            async def main(wait: Any) -> Any:
                return await wait

            assert asyncio.run(main(wait)).args == (0,)
            with pytest.raises(TimeoutError):
                bus.wait("x", 0)
        for _ in range(20):
            assert [number(everything) for _ in range(31)] == [*range(30), 0]


class Loses:
    """The next answers of this process are lost, after what was asked is done."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.left = 0
        asked = Line.ask

        def ask(line: Line, packed: bytes, until: int) -> Any:
            answer = asked(line, packed, until)
            if self.left and b"EVALSHA" in packed[:20]:
                self.left -= 1
                line.close()
                raise unreachable(line.address, "the answer was lost")
            return answer

        monkeypatch.setattr(Line, "ask", ask)


def test_what_was_emitted_is_not_emitted_twice_when_the_answer_is_lost(
    server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Topic("x", at=server.url(), max_bytes=LEAST) as topic:
        loses = Loses(monkeypatch)
        last = 0
        for some in (1, 3, 1):
            loses.left = 2
            last += 1
            assert topic.emit(b"one") == last
            loses.left = 2
            last += some
            assert topic.emit_many([b"%d" % n for n in range(some)], wait=None) == last
            assert loses.left == 0
        assert topic.head == last


def test_a_batch_that_has_to_wait_goes_on_where_it_was_when_answers_are_lost(
    server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    payloads = [b"%04d" % n * 250 for n in range(100)]
    at = server.url()
    with Topic("x", at=at, max_bytes=LEAST, replay=0) as slow, Topic("x", at=at) as topic:
        Loses(monkeypatch).left = 3
        emitter = threading.Thread(target=topic.emit_many, args=(payloads,), kwargs={"wait": None})
        emitter.start()
        heard: list[tuple[int, bytes]] = []
        while len(heard) < 100:
            heard += slow.read_many(7, 60)
        emitter.join(60)
        assert heard == [*enumerate(payloads, 1)]


def test_scripts_may_be_flushed(server: RedisServer) -> None:
    at = server.url()
    with Topic("x", at=at, max_bytes=LEAST, replay=0) as slow, Topic("x", at=at) as topic:
        emitter = threading.Thread(target=topic.emit_many, args=([bytes(1000)] * 200,), kwargs={"wait": None})
        emitter.start()
        for n in range(1, 201):
            server.ask("SCRIPT", "FLUSH")
            assert slow.read(60)[0] == n
        emitter.join(60)


def test_it_is_waited_for_among_others(server: RedisServer) -> None:
    with Topic("x", at=server.url(), replay=0) as topic, Event() as event:
        assert wait_any(topic, event, timeout=0) == []
        assert select.select([topic.fileno()], [], [], 0)[0] == []
        topic.emit(b"1")
        assert wait_any(topic, event, timeout=60) == [topic]
        assert select.select([topic.fileno()], [], [], 60)[0]
        assert topic.read(0) == (1, b"1")
        assert wait_any(topic, event, timeout=0) == []


def test_parent_and_child_never_take_each_others_answers(server: RedisServer) -> None:
    """Twenty forks in the middle of waits and emits: each hears all, in the one order, and its numbers are its own."""
    script = f"""
{FORKED}
from tocsin import Bus
from tocsin._topic import Topic
at = sys.argv[1]
bus = Bus("bus", at=at)
found = bus.subscribe("**")
topic = Topic("log", at=at, replay=0)

def work(who, n):
    mine = {{topic.emit(b"%s %d %d" % (who, n, i)): b"%s %d %d" % (who, n, i) for i in range(10)}}
    heard = {{}}
    while not mine.keys() <= heard.keys():
        heard.update(topic.read_many(100, 60))
    assert all(heard[number] == payload for number, payload in mine.items()), (mine, heard)
    assert sorted(heard) == [*range(min(heard), max(heard) + 1)]
    for i in range(10):
        bus.emit(who.decode(), (n, i))
    seen = {{"parent": [], "child": []}}
    while not all(len(rows) == 10 for rows in seen.values()):
        event = found.wait(60)
        seen[event.name].append(event.args)
    assert seen == {{who: [(n, i) for i in range(10)] for who in seen}}, seen

for n in range(20):
    pid = fork(lambda: work(b"child", n))
    work(b"parent", n)
    reap(pid)
say("done")
"""
    with Child(script, server.url()) as child:
        assert child.check() == "done\n"


# -- failover


@pytest.fixture
def pair() -> Iterator[Pair]:
    """A primary, a replica that has a replica itself, and the way to the first, which the test turns round."""
    host = f"127.78.{os.getpid() >> 8 & 255}.{os.getpid() & 255 or 1}"  # an address that nobody else uses
    with (
        RedisServer("--bind", host, "--port", "6379") as first,
        RedisServer("--bind", host, "--port", "6380", "--replicaof", host, "6379") as second,
        RedisServer("--replicaof", host, "6380"),
        Proxy(first) as proxy,
    ):
        for one in (first, second):
            until(lambda one=one: one.ask("INFO", "replication")["connected_slaves"] == 1, "its replica is there")
        yield first, second, proxy


async def awaited(wait: Any) -> Any:
    return await wait


class Listening:
    """A thread that waits, a handler on the dispatcher, and a subscription."""

    def __init__(self, bus: Bus) -> None:
        self.bus = bus
        self.handled: list[int] = []
        bus.register("x", self.handled.append)
        self.found = bus.subscribe("x")
        self.wait()

    def wait(self) -> None:
        self.waiter = InThread(lambda: self.bus.wait("x", 120))
        until(lambda: self.bus.stats().waiting_here == 1 or self.waiter.done(), "it waits")

    def all_hear(self, numbers: list[int]) -> None:
        """These, and so far no others; the wait the first of them."""
        assert self.waiter.result().args == (numbers[0],)
        assert [number(self.found) for _ in numbers] == numbers
        until(lambda: self.handled == numbers, "the handler hears them")
        assert self.found.queued == 0
        self.handled.clear()
        self.wait()


def test_after_a_failover_all_hear_the_next_emit_at_the_new_primary(pair: Pair) -> None:
    first, second, proxy = pair
    place = proxy.url(replicas=1, patience=150)
    with Bus("bus", at=place) as bus, Bus("bus", at=place) as other:
        here = Listening(bus)
        other.emit("x", (1,))
        here.all_hear([1])
        first.kill()
        second.ask("REPLICAOF", "NO", "ONE")
        proxy.target = second.socket
        other.emit("x", (2,))
        here.all_hear([2])
        bus.emit("x", (3,))
        here.all_hear([3])
        here.found.close()


def test_after_a_failover_to_a_replica_that_had_heard_less(pair: Pair) -> None:
    """The numbers of emits begin again at smaller ones; who has found the new primary hears all that comes there."""
    first, second, proxy = pair
    place = proxy.url(patience=150)
    with Bus("bus", at=place) as bus, Bus("bus", at=place) as other, Bus("bus", at=f"{place}&replicas=1") as sure:
        here = Listening(bus)
        sure.emit("x", (0,))
        here.all_hear([0])
        second.ask("REPLICAOF", "NO", "ONE")
        for n in range(1, 20):
            other.emit("x", (n,))
        here.all_hear([*range(1, 20)])
        late = bus.wait_async("x", 120)  # for number 21, as things were then
        first.kill()
        proxy.target = second.socket
        until(lambda: blocked(second), "it listens there")
        other.emit("x", (20,))
        assert asyncio.run(awaited(late)).args == (20,)
        here.all_hear([20])
        bus.emit("x", (21,))
        here.all_hear([21])
        assert other._topic.head == 3
        here.found.close()
