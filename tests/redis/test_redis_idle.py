"""What waiting costs a server while nothing happens: no command, but the question whether a holder lives."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Any

import pytest
from harness.child import Child
from harness.servers import RedisServer
from harness.subjects import SUBJECTS, Subject, blocked
from harness.until import age, until

from tocsin import Event

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

COUNT = 20
SECONDS = 3
#: What asking for the figures costs itself.
OURS = {"cmdstat_info", "cmdstat_hello", "cmdstat_client", "cmdstat_auth"}


@pytest.fixture
def server() -> Iterator[RedisServer]:
    """Of this test's own, for it counts."""
    with RedisServer() as running:
        yield running


def commands(server: RedisServer) -> dict[str, int]:
    found: Any = server.ask("INFO", "commandstats")
    return {name: figures["calls"] for name, figures in found.items() if name not in OURS}


def asked_meanwhile(server: RedisServer) -> tuple[float, Callable[[str], int]]:
    """Seconds that passed, and how often a command was asked in them. "": all."""
    begun, before = time.monotonic(), commands(server)
    age(SECONDS)
    after = commands(server)
    grown = {name: count - before.get(name, 0) for name, count in after.items()}
    return time.monotonic() - begun, lambda name: grown.get(f"cmdstat_{name}", 0) if name else sum(grown.values())


@contextlib.contextmanager
def waiting(server: RedisServer, subject: Subject, at: str) -> Iterator[None]:
    """So many handles, each with a thread that waits."""
    with contextlib.ExitStack() as stack:
        handles = [stack.enter_context(subject.open(at)) for _ in range(COUNT)]
        waits = [subject.start(handle) for handle in handles]
        until(lambda: blocked(server) == COUNT, "they wait")
        yield
        for handle in handles:
            handle.close()
        for wait in waits:
            with pytest.raises(ValueError, match="closed"):
                wait.result()


@pytest.mark.parametrize("kind", ["event", "signal", "data", "bus"])
def test_who_waits_asks_nothing(server: RedisServer, kind: str) -> None:
    """Not one command a handle: that would be the look of each minute, on a machine that took one to come here."""
    with waiting(server, SUBJECTS[kind], server.url()):
        _, asked = asked_meanwhile(server)
        assert asked("") <= COUNT


def test_who_takes_from_a_queue_looks_once_a_second(server: RedisServer) -> None:
    """Whether somebody who took something has died, or something that was put off is due: it is not announced."""
    with waiting(server, SUBJECTS["queue"], server.url()):
        seconds, asked = asked_meanwhile(server)
        assert asked("evalsha") <= COUNT * (seconds + 2)
        assert asked("xreadgroup") <= COUNT * (seconds + 2)


OWN = """
event = Event("x", at=sys.argv[1])
event.own()
say("owned")
hear()
"""


def test_one_asks_for_all_whether_an_owner_lives(server: RedisServer) -> None:
    at = server.url()
    with Child(OWN, at) as child:
        assert child.hear() == "owned"
        with waiting(server, SUBJECTS["event"], at):
            seconds, asked = asked_meanwhile(server)
            assert 1 <= asked("mget") <= 2 * (seconds + 2)
            assert asked("") <= 3 * asked("mget") + COUNT
        with Event("x", at=at) as event:
            assert event.owner.alive
