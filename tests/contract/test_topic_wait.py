"""Emitters that ask to wait: for the slowest living listener, for nobody who is dead, and only if they ask."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest
from harness.child import Child

from tocsin._topic import Topic

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.callers import Caller

LEAST = 32 << 10
PAYLOAD = bytes(1000)

LISTENER = """
from tocsin._topic import Topic
t = Topic('x', at=sys.argv[1], replay=0)
say('ready')
while hear(): t.read()
"""


@pytest.fixture
def topic(place: str) -> Iterator[Topic]:
    """An emitter whose bus retains little."""
    with Topic("x", at=place, max_bytes=LEAST) as made:
        yield made


def fill_up(topic: Topic) -> int:
    """Emit until the slowest listener is in the way; the last that went."""
    while True:
        try:
            last = topic.emit(PAYLOAD, wait=0.001)
        except TimeoutError:
            return last


def test_it_goes_on_when_the_slow_one_has_read(caller: Caller, place: str, topic: Topic) -> None:
    with Topic("x", at=place, replay=0) as slow:
        last = fill_up(topic)
        wait = caller.start(topic, "emit", PAYLOAD, wait=None)
        if caller.kind == "thread":
            wait.until_asleep()
        heard = [number for number, _ in slow.read_many(1000)]
        assert wait.result() == last + 1
        while len(heard) < last + 1:
            heard += [number for number, _ in slow.read_many(1000)]
        assert heard == list(range(1, last + 2))


def test_all_of_a_batch(place: str, topic: Topic, thread: Caller) -> None:
    with Topic("x", at=place, replay=0) as slow:
        wait = thread.start(topic, "emit_many", [PAYLOAD] * 500, wait=None)
        heard: list[int] = []
        while len(heard) < 500:
            heard += [number for number, _ in slow.read_many(7)]
        assert heard == list(range(1, 501))
        assert wait.result() == 500
        with pytest.raises(TimeoutError) as late:
            topic.emit_many([PAYLOAD] * 500, wait=0.01)
        done = late.value.done  # type: ignore[attr-defined]
        assert 0 < done < 500
        assert topic.head == 500 + done


def test_who_does_not_ask_waits_for_nobody(place: str, topic: Topic) -> None:
    with Topic("x", at=place, replay=0):
        last = fill_up(topic)
        assert [topic.emit(PAYLOAD) for _ in range(100)] == list(range(last + 1, last + 101))


def test_nobody_waits_for_the_dead(caller: Caller, place: str, topic: Topic) -> None:
    with Child(LISTENER, place) as child:
        child.hear()
        last = fill_up(topic)
        wait = caller.start(topic, "emit", PAYLOAD, wait=None)
        if caller.kind == "thread":
            wait.until_asleep()
        child.kill()
        assert wait.result() == last + 1


def test_nobody_waits_for_one_that_was_closed(here: Caller, place: str, topic: Topic) -> None:
    slow = Topic("x", at=place, replay=0)
    last = fill_up(topic)
    wait = here.start(topic, "emit", PAYLOAD, wait=None)
    slow.close()
    assert wait.result() == last + 1


def test_one_that_is_stopped_is_waited_for(place: str, topic: Topic, thread: Caller) -> None:
    with Child(LISTENER, place) as child:
        child.hear()
        child.signal(signal.SIGSTOP)
        last = fill_up(topic)
        with pytest.raises(TimeoutError, match="has not read"):
            topic.emit(PAYLOAD, wait=0.05)
        wait = thread.asleep(topic, "emit", PAYLOAD, wait=None)
        child.signal(signal.SIGCONT)
        for _ in range(10):
            child.say("go on")
        assert wait.result() == last + 1
