"""What a server that says nothing any more, or is gone for good, is told as: docs/design/servers-guarantees.md."""

from __future__ import annotations

import contextlib

import pytest
from harness.callers import RUN, InThread
from harness.proxies import Proxy
from harness.servers import RedisServer
from harness.subjects import CALLERS, PATIENT, SUBJECTS, Subject, blocked, until_blocked
from harness.until import until

from tocsin import Lock, Unreachable

# -- a network that drops everything


@pytest.mark.parametrize("timeout", [None, 1.5])
def test_a_silent_network_is_unreachable_in_time(proxy: Proxy, subject: Subject, timeout: float | None) -> None:
    """By the caller's deadline, or, without one, when his patience is over."""
    patience = 1.5 if timeout is None else PATIENT
    with subject.open(proxy.url(patience=patience)) as handle:
        subject.change(handle)
        if subject is not SUBJECTS["event"] and subject is not SUBJECTS["bus"]:
            assert subject.wait(handle, 60)
        proxy.stall()
        try:
            with pytest.raises(Unreachable, match="can't be reached"):
                subject.wait(handle, timeout)
            if timeout is None:
                with pytest.raises(Unreachable, match="can't be reached"):
                    subject.change(handle)
        finally:
            proxy.flow()


@pytest.mark.parametrize("caller", CALLERS)
def test_a_network_that_goes_silent_in_the_midst_of_a_wait(caller: str) -> None:
    """The timeout is long enough for a busy machine to get there; then it is Unreachable, and not "nothing came"."""
    with RedisServer() as server, Proxy(server) as proxy, contextlib.ExitStack() as stack:
        handles = [
            (subject, stack.enter_context(subject.open(proxy.url(patience=PATIENT)))) for subject in SUBJECTS.values()
        ]
        waits = [subject.start(handle, caller, 8) for subject, handle in handles]
        until(lambda: blocked(server) >= len(waits) or any(wait.done() for wait in waits), "they wait")
        proxy.stall()
        try:
            for wait in waits:
                with pytest.raises(Unreachable, match="can't be reached"):
                    wait.result()
        finally:
            proxy.flow()


@pytest.mark.parametrize("caller", CALLERS)
def test_a_network_that_goes_silent_while_a_lock_is_waited_for(caller: str) -> None:
    with RedisServer() as server, Proxy(server) as proxy:
        place = proxy.url(patience=PATIENT)
        with Lock("x", at=place.replace(proxy.socket, proxy.target)), contextlib.closing(Lock("x", at=place)) as lock:
            acquire = lock.acquire if caller == "thread" else lambda timeout: RUN[caller](lambda: twin(timeout=timeout))
            twin = lock.acquire_async
            wait = InThread(lambda: acquire(timeout=8))
            until_blocked(server, wait)
            proxy.stall()
            try:
                with pytest.raises(Unreachable, match="can't be reached"):
                    wait.result()
            finally:
                proxy.flow()


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("kind", ["event", "signal", "data"])
def test_a_connection_that_goes_silent_in_the_midst_of_a_wait(proxy: Proxy, kind: str, caller: str) -> None:
    """What it would have brought is there at the deadline, and the next wait has a connection that hears."""
    subject, place = SUBJECTS[kind], proxy.url(patience=PATIENT)
    with subject.open(place) as handle, subject.open(place.replace(proxy.socket, proxy.target)) as other:
        proxy.mute(b"XREAD")
        wait = subject.start(handle, caller, 8)
        until_blocked(proxy.server, wait)
        subject.change(other)
        until(lambda: not blocked(proxy.server), "the server has answered")
        assert wait.result()
        again = subject.start(handle, caller)
        until_blocked(proxy.server, again)
        subject.change(other)
        assert again.result()


@pytest.mark.parametrize("caller", CALLERS)
def test_a_short_wait_asks_once_and_a_long_one_once_more(server: RedisServer, caller: str) -> None:
    """Before it says that nothing came, a wait makes sure of the server, if it has not heard of it for a second."""
    subject = SUBJECTS["event"]

    def looks() -> int:
        return server.ask("INFO", "commandstats").get("cmdstat_hmget", {"calls": 0})["calls"]  # it began just now

    with subject.open(server.url()) as handle:
        asked = []
        for timeout in (0.01, 0.01, 0.01, 0.01, 0.01, 1.2):  # on a busy machine a short one may last longer
            before = looks()
            assert not subject.start(handle, caller, timeout).result()
            asked.append(looks() - before)
        assert (min(asked), asked[-1]) == (1, 2)


# -- a server that goes away for good


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("timeout", [None, 1.5])
def test_gone_for_good(durable: RedisServer, subject: Subject, caller: str, timeout: float | None) -> None:
    with subject.open(durable.url(patience=2)) as handle:  # a busy machine may take a second to open it
        if timeout is None:
            wait = subject.start(handle, caller)
            until_blocked(durable, wait)
            durable.kill()
        else:
            durable.kill()
            wait = subject.start(handle, caller, timeout)
        with pytest.raises(Unreachable, match="can't be reached"):
            wait.result()
        with pytest.raises(Unreachable, match="can't be reached"):
            subject.change(handle)


@pytest.mark.parametrize("caller", CALLERS)
def test_gone_for_good_in_the_midst_of_a_wait_with_a_timeout(caller: str) -> None:
    """The timeout is long enough for a busy machine to get there; then it is Unreachable, and not "nothing came"."""
    with RedisServer() as server, contextlib.ExitStack() as stack:
        handles = [
            (subject, stack.enter_context(subject.open(server.url(patience=PATIENT)))) for subject in SUBJECTS.values()
        ]
        waits = [subject.start(handle, caller, 8) for subject, handle in handles]
        until(lambda: blocked(server) >= len(waits) or any(wait.done() for wait in waits), "they wait")
        server.kill()
        for wait in waits:
            with pytest.raises(Unreachable, match="can't be reached"):
                wait.result()
