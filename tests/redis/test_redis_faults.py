"""What each kind of object guarantees when its server, or the way to it, fails: docs/design/servers-guarantees.md."""

from __future__ import annotations

import errno
import os

import pytest
from harness.callers import RUN, InThread
from harness.proxies import Proxy
from harness.servers import RedisServer
from harness.subjects import CALLERS, PATIENT, SUBJECTS, Subject, pending, until_blocked
from harness.until import until

from tocsin import Empty, Queue, Unreachable


def kill_connections(server: RedisServer) -> None:
    server.ask("CLIENT", "KILL", "TYPE", "normal")


# -- a server that dies and comes back


@pytest.mark.parametrize("caller", CALLERS)
def test_killed_and_restarted(durable: RedisServer, subject: Subject, caller: str) -> None:
    """Waits go on and are released; what was acknowledged before is there."""
    place = durable.url(patience=PATIENT)
    with subject.open(place) as handle, subject.open(place) as other:
        for _ in range(3):
            subject.change(other)
        while isinstance(handle, Queue) and handle.qsize():
            handle.get()
        if subject is SUBJECTS["signal"] or subject is SUBJECTS["data"]:
            subject.wait(handle, 0)
        wait = subject.start(handle, caller)
        until_blocked(durable, wait)
        durable.kill()
        durable.start()
        assert subject.count(other) == 3
        subject.change(other)
        assert wait.result()
        assert subject.count(other) == 4


def test_killed_and_restarted_between_take_and_ack(durable: RedisServer) -> None:
    """What was acked is gone for good; what was taken and not acked is still in hand, and can be acked."""
    place = durable.url(patience=PATIENT)
    with Queue[int]("q", at=place) as queue, Queue[int]("q", at=place) as other:
        queue.put_many(range(4))
        queue.receive().ack()
        held = queue.receive()
        assert other.get() == 2
        durable.kill()
        durable.start()
        held.ack()
        assert other.get() == 3
        assert [queue.qsize(), queue.stats().held] == [0, 0]


def test_killed_in_the_midst_of_changes(durable: RedisServer, subject: Subject) -> None:
    """Each change that was acknowledged happened, and once, whatever it was doing when the server died."""
    with subject.open(durable.url(patience=PATIENT)) as handle:
        done = [0]

        def change() -> None:
            for done[0] in range(1, 61):
                subject.change(handle)

        changes = InThread(change)
        for there in (10, 30):
            until(lambda there=there: done[0] >= there or changes.done(), "it is in the midst")
            durable.kill()
            durable.start()
        changes.result()
        assert subject.count(handle) == 60


# -- connections that are cut


@pytest.mark.parametrize("caller", CALLERS)
def test_cut_in_the_midst_of_waits(server: RedisServer, subject: Subject, caller: str) -> None:
    """A pulse, or whatever else comes, releases a waiter whose connection was cut."""
    place = server.url(patience=PATIENT)
    with subject.open(place) as handle, subject.open(place) as other:
        for turn in range(10):
            wait = pending(server, subject, handle, caller)
            kill_connections(server)
            subject.change(other)
            assert wait.result()
            assert subject.count(other) == turn + 1


def test_cut_after_the_change_that_a_wait_is_for(server: RedisServer, subject: Subject) -> None:
    """The news and the cut come together: which of them is heard first does not matter."""
    place = server.url(patience=PATIENT)
    with subject.open(place) as handle, subject.open(place) as other:
        for _ in range(10):
            wait = pending(server, subject, handle)
            subject.change(other)
            kill_connections(server)
            assert wait.result()


def test_cut_between_operations(server: RedisServer, subject: Subject) -> None:
    with subject.open(server.url(patience=PATIENT)) as handle:
        for turn in range(10):
            kill_connections(server)
            subject.change(handle)
            kill_connections(server)
            assert subject.count(handle) == turn + 1


@pytest.mark.parametrize("ends", ["get", "ack", "async"])
def test_cut_again_and_again_a_queue_loses_and_doubles_nothing(server: RedisServer, ends: str) -> None:
    place, count, got = server.url(patience=PATIENT), 150, []
    with Queue[int]("q", at=place) as puts, Queue[int]("q", at=place) as takes:

        def take() -> None:
            while len(got) < count:
                if ends == "ack":
                    with takes.receive() as delivery:
                        got.append(delivery.item)
                else:
                    got.append(takes.get())

        async def take_async() -> None:
            while len(got) < count:
                got.append(await takes.get_async())

        def put() -> None:
            for number in range(count):
                puts.put(number)

        taking = InThread(take if ends != "async" else lambda: RUN["asyncio"](take_async))
        putting = InThread(put)
        seen = -1
        while not (taking.done() and putting.done()):
            kill_connections(server)
            before, seen = seen, len(got)
            until(lambda before=before: len(got) > before or taking.done(), "it goes on")
        taking.result()
        putting.result()
        assert sorted(got) == list(range(count))
        assert takes.qsize() == takes.stats().held == 0


# -- answers that are lost


def test_an_answer_lost_after_the_change(proxy: Proxy, subject: Subject) -> None:
    """Done once, though it was asked for twice: no double set, signal, put or emit."""
    with subject.open(proxy.url(patience=PATIENT)) as handle:
        subject.change(handle)  # from now on the server knows the script
        for turn in range(2, 6):
            proxy.lose_answer(b"EVALSHA")
            subject.change(handle)
            assert (proxy.lost, subject.count(handle)) == (turn - 1, turn)


@pytest.mark.parametrize("caller", CALLERS)
def test_an_answer_lost_that_would_release_a_wait(proxy: Proxy, subject: Subject, caller: str) -> None:
    """It is read again by the next connection."""
    place = proxy.url(patience=PATIENT)
    with subject.open(place) as handle, subject.open(place.replace(proxy.socket, proxy.target)) as other:
        proxy.lose_answer(b"XREAD")
        wait = subject.start(handle, caller)
        until_blocked(proxy.server, wait)
        subject.change(other)
        assert wait.result()
        assert proxy.lost == 1


@pytest.mark.parametrize("marker", [b"XREADGROUP", b"EVALSHA"])
def test_an_answer_lost_while_items_are_taken(proxy: Proxy, marker: bytes) -> None:
    """Whether the item was lost on its way here, or the word that it was taken on its way there: it comes once."""
    with Queue[int]("q", at=proxy.url(patience=PATIENT)) as queue:
        queue.put_many(range(20))
        got = [queue.get()]
        for _ in range(8):
            proxy.lose_answer(marker)
            got += [queue.get(), queue.get()]
        while queue.qsize():
            got.append(queue.get())
        assert sorted(got) == list(range(20))
        assert proxy.lost >= 4


def test_an_answer_lost_after_an_ack(proxy: Proxy) -> None:
    with Queue[int]("q", at=proxy.url(patience=PATIENT)) as queue:
        queue.put_many(range(5))
        for number in range(5):
            delivery = queue.receive()
            assert (delivery.item, delivery.attempt) == (number, 1)
            proxy.lose_answer(b"EVALSHA")
            delivery.ack()
        assert proxy.lost == 5
        assert queue.qsize() == queue.stats().held == 0
        with pytest.raises(Empty):
            queue.get_nowait()


# -- a server that forgets its scripts, or is full


def test_flushed_scripts_are_loaded_again(server: RedisServer, subject: Subject) -> None:
    place = server.url()
    with subject.open(place) as handle, subject.open(place) as other:
        for turn in range(3):
            server.ask("SCRIPT", "FLUSH")
            wait = pending(server, subject, handle)
            server.ask("SCRIPT", "FLUSH")
            subject.change(other)
            assert wait.result()
            server.ask("SCRIPT", "FLUSH")
            assert subject.count(other) == turn + 1


def test_a_full_server_refuses_and_nothing_is_half_done(durable: RedisServer, subject: Subject) -> None:
    place = durable.url()
    with subject.open(place) as handle:
        subject.change(handle)
        before = contents(durable)
        durable.ask("CONFIG", "SET", "maxmemory", "1")
        with pytest.raises(OSError, match="takes no more") as caught:
            subject.change(handle)
        assert caught.value.errno == errno.ENOSPC
        with pytest.raises(OSError, match="takes no more") as caught:
            type(subject).open(subject, place + "2")
        assert caught.value.errno == errno.ENOSPC
        assert contents(durable) == before
        durable.ask("CONFIG", "SET", "maxmemory", "0")
        subject.change(handle)
        assert subject.count(handle) == 2


def test_a_full_server_can_be_emptied(durable: RedisServer) -> None:
    """Whoever takes makes room, so that must not be refused for want of room."""
    with Queue[int]("q", at=durable.url()) as queue:
        queue.put_many(range(4))
        assert queue.get() == 0
        queue.receive().ack()
        durable.ask("CONFIG", "SET", "maxmemory", "1")
        assert queue.get() == 2
        queue.receive().ack()
        assert queue.qsize() == queue.stats().held == 0


def contents(server: RedisServer) -> dict[bytes, object]:
    """Everything that the server has; but not when it will forget it."""
    return {key: server.ask("DUMP", key) for key in server.ask("KEYS", "*")}


# -- failover


def test_failover_to_a_replica_that_has_what_was_acknowledged() -> None:
    """With ?replicas=1 a change is done when a replica has it, so nothing is lost with the first server."""
    host = f"127.77.{os.getpid() >> 8 & 255}.{os.getpid() & 255 or 1}"  # an address that nobody else uses
    with (
        RedisServer("--bind", host, "--port", "6379") as first,
        RedisServer("--bind", host, "--port", "6380", "--replicaof", host, "6379") as second,
        RedisServer("--replicaof", host, "6380"),
        Proxy(first) as proxy,
    ):
        until(lambda: first.ask("INFO", "replication")["connected_slaves"] == 1, "the replica is there")
        until(lambda: second.ask("INFO", "replication")["connected_slaves"] == 1, "its replica is there")
        places = [(one, proxy.url(replicas=1, patience=PATIENT)) for one in SUBJECTS.values()]
        pairs = [(one, one.open(place), one.open(place)) for one, place in places]
        try:
            for subject, handle, other in pairs:
                subject.change(other)
                if subject is not SUBJECTS["bus"] and subject is not SUBJECTS["event"]:
                    assert subject.wait(handle, 60)
            waits = [subject.start(handle) for subject, handle, _ in pairs]
            for wait in waits:
                until_blocked(first, wait)
            first.kill()
            second.ask("REPLICAOF", "NO", "ONE")
            proxy.target = second.socket
            for subject, _, other in pairs:
                assert subject.count(other) == 1
                subject.change(other)
                assert subject.count(other) == 2
            assert all(wait.result() for wait in waits)
        finally:
            for _, *handles in pairs:
                for handle in handles:
                    handle.close()


def test_replicas_that_are_not_there(server: RedisServer, subject: Subject) -> None:
    """It says that it was done here, and is not safe."""
    with subject.open(server.url(replicas=1, patience=1)) as handle:
        with pytest.raises(Unreachable, match="0 of the 1 replicas"):
            subject.change(handle)
        assert subject.count(handle) == 1
