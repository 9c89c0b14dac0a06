"""Every listener hears every signal, with counts, wherever it is and whenever it comes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from harness.callers import Caller, InThread
from harness.child import Child
from harness.until import PATIENCE_S, until

from tocsin import Signal

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def signal(place: str) -> Iterator[Signal]:
    with Signal("x", at=place) as made:
        yield made


@pytest.fixture(params=["named", "anonymous"])
def either_signal(request: pytest.FixtureRequest, place: str) -> Iterator[Signal]:
    with Signal("x", at=place) if request.param == "named" else Signal() as made:
        yield made


def test_a_signal_wakes_every_kind_of_listener(caller: Caller, either_signal: Signal) -> None:
    wait = caller.asleep(either_signal, "wait")
    assert either_signal.signal() == 1
    assert wait.result() == 1


def test_every_kind_of_caller_signals(caller: Caller, thread: Caller, either_signal: Signal) -> None:
    wait = thread.asleep(either_signal, "wait")
    assert caller.do(either_signal, "signal") == 1
    assert wait.result() == 1


def test_one_sender_many_listeners(place: str, signal: Signal) -> None:
    """Of each kind, and every one hears it; none takes it from another."""
    callers = [Caller(kind) for kind in ("thread", "asyncio", "uvloop", "trio", "process")]
    handles = [Signal("x", at=place) for _ in callers]
    waits = [caller.asleep(handle, "wait") for caller, handle in zip(callers, handles, strict=True)]
    signal.signal()
    assert [wait.result() for wait in waits] == [1] * len(callers)
    for caller, handle in zip(callers, handles, strict=True):
        caller.finish()
        handle.close()


def test_what_comes_while_nobody_looks_is_counted(caller: Caller, either_signal: Signal) -> None:
    assert [caller.do(either_signal, "signal") for _ in range(3)] == [1, 2, 3]
    assert either_signal.wait() == 3
    assert either_signal.wait(0) == 0
    either_signal.signal()
    assert either_signal.wait(0) == 1
    assert either_signal.count == 4


def test_each_handle_has_a_cursor(place: str, signal: Signal) -> None:
    with Signal("x", at=place) as other:
        signal.signal()
        other.signal()
        assert signal.wait() == 2
        other.signal()
        assert (other.wait(), signal.wait()) == (3, 1)


def test_a_late_listener_hears_what_comes_after_it(place: str, signal: Signal) -> None:
    signal.signal()
    with Signal("x", at=place) as late:
        assert late.wait(0) == 0
        signal.signal()
        assert late.wait() == 1


@pytest.mark.parametrize("before", [0, 1, 5])
def test_replay_gives_one_if_there_ever_was_one(place: str, signal: Signal, before: int) -> None:
    for _ in range(before):
        signal.signal()
    with Signal("x", at=place, replay=True) as late:
        assert late.wait(0) == min(before, 1)
        signal.signal()
        assert late.wait() == 1


def test_two_threads_on_one_handle_share_its_cursor(either_signal: Signal) -> None:
    """Together they hear each signal once."""

    def listen() -> int:
        heard = 0
        while (more := either_signal.wait()) > 0:
            heard += more
        return heard

    listeners = [InThread(listen, either_signal) for _ in range(3)]
    for _ in range(200):
        either_signal.signal()
    here = 0

    def settled() -> bool:
        nonlocal here
        here += (more := either_signal.wait(0))
        return not more and either_signal.stats().waiting_here == 3

    until(settled, "nothing is pending")
    either_signal.cancel()
    assert here + sum(listener.result() for listener in listeners) == 200


SENDER = """
from tocsin import Signal
with Signal("x", at=sys.argv[1]) as signal:
    say("ready")
    hear()
    for _ in range(int(sys.argv[2])): signal.signal()
    say("done")
    hear()
"""


def test_many_senders_many_listeners(place: str) -> None:
    """Processes that signal at once: each listener's counts add up to all of them."""
    handles = [Signal("x", at=place) for _ in range(3)]
    total = 4 * 500

    def listen(handle: Signal) -> int:
        heard = 0
        while heard < total:
            heard += handle.wait(PATIENCE_S) or -total
        return heard

    listeners = [InThread(lambda handle=handle: listen(handle)) for handle in handles]
    senders = [Child(SENDER, place, "500") for _ in range(4)]
    for sender in senders:
        assert sender.hear() == "ready"
    for sender in senders:
        sender.say()
    for sender in senders:
        assert sender.hear() == "done"
    assert [listener.result() for listener in listeners] == [total] * 3
    for sender in senders:
        sender.kill()
    for handle in handles:
        assert handle.wait(0) == 0
        assert handle.count == total
        handle.close()


LISTENER = """
from tocsin import Signal
with Signal("x", at=sys.argv[1]) as signal:
    say("listens")
    heard = 0
    while heard < 3: heard += signal.wait()
    say(heard)
    hear()
"""


def test_listeners_that_die_and_come_back(place: str, signal: Signal) -> None:
    """Who is killed while it waits holds up nobody, and who comes back begins anew."""
    for _ in range(3):
        with Child(LISTENER, place) as dies, Child(LISTENER, place) as stays:
            assert dies.hear() == stays.hear() == "listens"
            dies.until_asleep()
            stays.until_asleep()
            before = signal.signal()
            dies.kill()
            assert signal.signal() == before + 1
            with Child(LISTENER, place) as late:
                assert late.hear() == "listens"
                late.until_asleep()
                signal.signal()
                assert stays.hear() == "3"
                signal.signal()
                signal.signal()
                assert late.hear() == "3"
    assert signal.wait(0) == 15


def test_a_sender_that_is_killed_loses_nothing_of_others(place: str, signal: Signal) -> None:
    wait = InThread(signal.wait)
    wait.until_asleep()
    with Child(SENDER, place, "1") as sender:
        assert sender.hear() == "ready"
        sender.say()
        assert sender.hear() == "done"
        sender.kill()
    assert wait.result() == 1
    signal.signal()
    assert signal.wait() == 1
