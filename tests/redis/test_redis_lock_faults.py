"""What a lock guarantees when its server, or the way to it, fails: docs/design/servers-guarantees.md."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
from typing import TYPE_CHECKING

import pytest
from harness.callers import RUN, InThread
from harness.proxies import Proxy
from harness.servers import RedisServer
from harness.subjects import CALLERS, LOCK, PATIENT, until_blocked
from harness.until import age, until

from tocsin import Lock, Unreachable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def lock_at() -> Iterator[Callable[[str], Lock]]:
    """A handle, closed in the end; what it still holds it gives back, if it can."""
    with contextlib.ExitStack() as stack:

        def made(at: str) -> Lock:
            lock = Lock("x", at=at)
            stack.callback(_end, lock)
            return lock

        yield made


def _end(lock: Lock) -> None:
    """Its server may be gone, and then it is closed while it is held."""
    with contextlib.suppress(OSError, ResourceWarning):
        if lock._mine():
            lock.release()
    with contextlib.suppress(OSError, ResourceWarning):
        lock.close()


def start(lock: Lock, caller: str, timeout: float | None = None) -> InThread:
    if caller == "thread":
        return InThread(lambda: lock.acquire(timeout=timeout))
    return InThread(lambda: RUN[caller](lambda: lock.acquire_async(timeout=timeout)))


@pytest.mark.parametrize("caller", CALLERS)
def test_a_lock_whose_server_is_killed_and_restarted(
    durable: RedisServer, lock_at: Callable[[str], Lock], caller: str
) -> None:
    """Who has it keeps it, who waits waits on, and gets it when it is given back."""
    at = durable.url(patience=PATIENT)
    held, wanted = lock_at(at), lock_at(at)
    held.acquire()
    fence = held.fence
    assert fence is not None
    wait = start(wanted, caller)
    until_blocked(durable, wait)
    durable.kill()
    durable.start()
    assert not wanted.acquire(blocking=False)
    held.release()
    assert wait.result() is True
    assert (wanted.fence, wanted.abandoned) == (fence + 1, False)


@pytest.mark.parametrize("caller", CALLERS)
def test_a_lock_whose_server_is_stopped(durable: RedisServer, lock_at: Callable[[str], Lock], caller: str) -> None:
    at = durable.url(patience=PATIENT)
    held, wanted = lock_at(at), lock_at(at)
    held.acquire()
    wait = start(wanted, caller)
    until_blocked(durable, wait)
    durable.signal(signal.SIGSTOP)
    try:
        release = InThread(held.release)
        age(1.2)
        assert not release.done()
        assert not wait.done()
    finally:
        durable.signal(signal.SIGCONT)
    release.result()
    assert wait.result() is True
    assert wanted.fence == 2


@pytest.mark.parametrize("caller", CALLERS)
def test_a_lock_whose_connections_are_cut(server: RedisServer, lock_at: Callable[[str], Lock], caller: str) -> None:
    """Also those that say that somebody lives."""
    at = server.url(patience=PATIENT)
    held, wanted = lock_at(at), lock_at(at)
    for turn in range(5):
        held.acquire()
        wait = start(wanted, caller)
        until_blocked(server, wait)
        server.ask("CLIENT", "KILL", "TYPE", "normal")
        held.release()
        assert wait.result() is True
        assert (wanted.fence, wanted.abandoned) == (2 * turn + 2, False)
        wanted.release()


def test_an_answer_lost_after_a_lock_was_taken_or_given_back(proxy: Proxy, lock_at: Callable[[str], Lock]) -> None:
    """It is taken once, and given back once: no second taking, and none of somebody else's."""
    lock = lock_at(proxy.url(patience=PATIENT))
    LOCK.change(lock)  # from now on the server knows the scripts
    for turn in range(2, 6):
        proxy.lose_answer(b"EVALSHA")
        lock.acquire()
        assert lock.fence == turn
        proxy.lose_answer(b"EVALSHA")
        lock.release()
        assert not lock.locked()
        assert LOCK.count(lock) == turn
    assert proxy.lost == 8


def test_a_lock_on_a_full_server(durable: RedisServer, lock_at: Callable[[str], Lock]) -> None:
    """It can't be taken; who has it gives it back."""
    lock, other = lock_at(durable.url()), lock_at(durable.url())
    lock.acquire()
    durable.ask("CONFIG", "SET", "maxmemory", "1")
    with pytest.raises(OSError, match="takes no more") as caught:
        other.acquire(timeout=1)
    assert caught.value.errno == errno.ENOSPC
    lock.release()
    assert not lock.locked()
    durable.ask("CONFIG", "SET", "maxmemory", "0")
    assert other.acquire(timeout=1)


@pytest.mark.parametrize("timeout", [None, 1.5])
@pytest.mark.parametrize("caller", CALLERS)
def test_a_lock_whose_server_is_gone_for_good(
    lock_at: Callable[[str], Lock], caller: str, timeout: float | None
) -> None:
    """In the midst of a wait: when patience is over, or by the deadline, and not "somebody has it"."""
    with RedisServer() as server:
        at = server.url(patience=1)
        held, wanted = lock_at(at), lock_at(at if timeout is None else at.replace("patience=1", f"patience={PATIENT}"))
        held.acquire()
        wait = start(wanted, caller, None if timeout is None else 8)
        until_blocked(server, wait)
        server.kill()
        with pytest.raises(Unreachable, match="can't be reached"):
            wait.result()
        with pytest.raises(Unreachable, match="can't be reached"):
            wanted.acquire(timeout=timeout)


@pytest.mark.parametrize("timeout", [None, 1.5])
def test_a_lock_behind_a_silent_network(proxy: Proxy, lock_at: Callable[[str], Lock], timeout: float | None) -> None:
    lock = lock_at(proxy.url(patience=1.5 if timeout is None else PATIENT))
    LOCK.change(lock)
    proxy.stall()
    try:
        with pytest.raises(Unreachable, match="can't be reached"):
            lock.acquire(timeout=timeout)
    finally:
        proxy.flow()


def test_a_lock_after_a_failover(lock_at: Callable[[str], Lock]) -> None:
    """With ?replicas=1: it is held there as well, and its fences go on growing."""
    host = f"127.79.{os.getpid() >> 8 & 255}.{os.getpid() & 255 or 1}"  # an address that nobody else uses
    with (
        RedisServer("--bind", host, "--port", "6379") as first,
        RedisServer("--bind", host, "--port", "6380", "--replicaof", host, "6379") as second,
        RedisServer("--replicaof", host, "6380"),
        Proxy(first) as proxy,
    ):
        until(lambda: first.ask("INFO", "replication")["connected_slaves"] == 1, "the replica is there")
        until(lambda: second.ask("INFO", "replication")["connected_slaves"] == 1, "its replica is there")
        at = proxy.url(replicas=1, patience=PATIENT)
        held, wanted = lock_at(at), lock_at(at)
        LOCK.change(held)
        held.acquire()
        wait = start(wanted, "thread")
        until_blocked(first, wait)
        first.kill()
        second.ask("REPLICAOF", "NO", "ONE")
        proxy.target = second.socket
        assert not wanted.acquire(blocking=False)
        assert held.locked()
        held.release()
        assert wait.result() is True
        assert (wanted.fence, wanted.abandoned) == (3, False)
        wanted.release()
