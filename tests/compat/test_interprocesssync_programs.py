"""The examples of jk_interprocesssync's README as processes: with the original's names, and with tocsin's own.

Word for word test_documents.py runs them. Here: one sender and many listeners, many senders and many listeners, and
listeners that start late, are killed, and come back. The original runs too where it documents that it can.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import select
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from harness.child import Child
from harness.until import PATIENCE_S, until

from tocsin import Queue

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ORIGINAL, COMPAT, NATIVE = "jk_interprocesssync.fs", "tocsin.compat.interprocesssync.fs", "tocsin"

LISTENERS = {
    ("Event", COMPAT): "evt = {module}.Event({path!r}, 0)\nsay('listening')\nfor _ in evt.waitG():\n    say(1)",
    ("Event", NATIVE): "evt = tocsin.Signal({path!r}, replay=True)\nsay('listening')\nfor n in evt:\n    say(n)",
    ("JSONDataEvent", COMPAT): (
        "evt = {module}.JSONDataEvent({path!r}, 0)\nsay('listening')\nfor data in evt.waitG():\n    say(data['n'])"
    ),
    ("JSONDataEvent", NATIVE): (
        "evt = tocsin.DataEvent({path!r})\nsay('listening')\nfor data in evt:\n    say(data['n'])"
    ),
    ("JSONDataQueue", COMPAT): (
        "queue = {module}.JSONDataQueue({path!r}, 0)\nsay('listening')\nfor data in queue.getG():\n    say(data['n'])"
    ),
    ("JSONDataQueue", NATIVE): (
        "queue = tocsin.Queue({path!r} + '/work')\nsay('listening')\nfor data in queue:\n    say(data['n'])"
    ),
}
#: Each line from the test is a number to send; the answer says that it was sent.
SENDERS = {
    ("Event", COMPAT): "evt = {module}.Event({path!r})\nwhile n := hear():\n    evt.signal()\n    say(n)",
    ("Event", NATIVE): "evt = tocsin.Signal({path!r})\nwhile n := hear():\n    evt.signal()\n    say(n)",
    ("JSONDataEvent", COMPAT): (
        "evt = {module}.JSONDataEvent({path!r})\nwhile n := hear():\n    evt.signal({{'n': int(n)}})\n    say(n)"
    ),
    ("JSONDataEvent", NATIVE): (
        "evt = tocsin.DataEvent({path!r})\nwhile n := hear():\n    evt.signal({{'n': int(n)}})\n    say(n)"
    ),
    ("JSONDataQueue", COMPAT): (
        "queue = {module}.JSONDataQueue({path!r})\nwhile n := hear():\n    queue.put({{'n': int(n)}})\n    say(n)"
    ),
    ("JSONDataQueue", NATIVE): (
        "queue = tocsin.Queue({path!r} + '/work')\nwhile n := hear():\n    queue.put({{'n': int(n)}})\n    say(n)"
    ),
}


class Cast:
    """The processes of one test."""

    def __init__(self, cls: str, module: str, path: str, stage: contextlib.ExitStack) -> None:
        self.key = (cls, NATIVE if module == NATIVE else COMPAT)
        self.words = {"module": module, "path": path}
        self.stage = stage

    def listener(self, *, announced: bool = True) -> Child:
        child = self._start(LISTENERS)
        if announced:
            assert child.hear() == "listening"
        return child

    def sender(self) -> Child:
        return self._start(SENDERS)

    def _start(self, scripts: dict[tuple[str, str], str]) -> Child:
        script = f"import {self.words['module']}\n" + scripts[self.key].format(**self.words)
        return self.stage.enter_context(Child(script))


def send(sender: Child, number: int) -> None:
    sender.say(str(number))
    assert sender.hear() == str(number)


@pytest.fixture
def cast(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cast]:
    cls, module = request.param
    if module == ORIGINAL:
        pytest.importorskip(ORIGINAL)
    monkeypatch.chdir(tmp_path)  # the original's JSONDataEvent takes bare names only
    path = "place" if module == ORIGINAL else f"{tmp_path}/place"
    if cls == "JSONDataQueue":
        Path(path).mkdir()
    with contextlib.ExitStack() as stage:
        yield Cast(cls, module, path, stage)


def casts(*pairs: tuple[str, str]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    return pytest.mark.parametrize("cast", pairs, indirect=True, ids=[f"{cls}-{module}" for cls, module in pairs])


@casts(*itertools.product(["Event", "JSONDataEvent", "JSONDataQueue"], [NATIVE]))
def test_one_sender_and_one_listener(cast: Cast) -> None:
    listener, sender = cast.listener(), cast.sender()
    for number in range(1, 4):
        send(sender, number)
        heard = listener.hear()
        assert heard == ("1" if cast.key[0] == "Event" else str(number))


@casts(("Event", ORIGINAL), *itertools.product(["Event", "JSONDataEvent"], [COMPAT, NATIVE]))
def test_one_sender_and_many_listeners(cast: Cast) -> None:
    listeners = [cast.listener() for _ in range(3)]
    sender = cast.sender()
    for number in range(1, 6):
        if cast.words["module"] == ORIGINAL and number > 1:  # it takes two signals at one time of the clock for one
            until(lambda: time.time() > os.stat(cast.words["path"]).st_mtime + 0.05, "the clock has gone on")
        send(sender, number)
        expected = "1" if cast.key[0] == "Event" else str(number)
        assert [listener.hear() for listener in listeners] == [expected] * 3


@casts(*itertools.product(["Event", "JSONDataEvent"], [COMPAT, NATIVE]))
def test_many_senders_and_many_listeners(cast: Cast) -> None:
    """What comes together may be one wake: natively a count tells, and of values the last one counts."""
    listeners = [cast.listener() for _ in range(3)]
    senders = [cast.sender() for _ in range(3)]
    for number in range(1, 61):
        senders[number % 3].say(str(number))
    for sender in senders:
        for _ in range(20):
            sender.hear()
    send(senders[0], 99)
    for listener in listeners:
        if cast.key[0] == "JSONDataEvent":
            until(lambda listener=listener: listener.hear() == "99", "it has heard the last one")
        elif cast.key[1] == NATIVE:
            heard = 0
            while heard < 61:
                heard += int(listener.hear())
            assert heard == 61
        else:
            assert listener.hear() == "1"


@casts(*itertools.product(["Event", "JSONDataEvent"], [COMPAT, NATIVE]))
def test_listeners_that_come_late_are_killed_and_come_back(cast: Cast) -> None:
    sender, first = cast.sender(), cast.listener()
    one = 1 if cast.key[0] == "Event" else 0
    for number in range(1, 4):
        send(sender, number)
        assert int(first.hear()) == (one or number)
    late = cast.listener()
    assert int(late.hear()) == (one or 3)  # what was there before counts, once
    late.until_asleep()
    late.kill()
    send(sender, 4)
    assert int(first.hear()) == (one or 4)
    back = cast.listener()
    assert int(back.hear()) == (one or 4)
    send(sender, 5)
    assert [int(listener.hear()) for listener in (first, back)] == [one or 5] * 2


@casts(*itertools.product(["JSONDataQueue"], [ORIGINAL, COMPAT, NATIVE]))
def test_many_senders_and_listeners_of_a_queue(cast: Cast) -> None:
    """Each item comes out once, whoever takes it."""
    listeners = [cast.listener() for _ in range(3)]
    senders = [cast.sender() for _ in range(3)]
    for number in range(1, 151):
        senders[number % 3].say(str(number))
    for sender in senders:
        for _ in range(50):
            sender.hear()
    assert Counter(collect(listeners, 150)) == Counter(range(1, 151))


def collect(listeners: list[Child], count: int) -> list[int]:
    """`count` lines of whoever says them."""
    found: list[int] = []
    by_pipe = {listener.process.stdout: listener for listener in listeners}
    while len(found) < count:
        ready = [listener for listener in listeners if b"\n" in listener._heard]  # it said more than was asked for
        if not ready:
            readable, _, _ = select.select(list(by_pipe), [], [], PATIENCE_S)
            assert readable, f"only {len(found)} of {count} came"
            ready = [by_pipe[pipe] for pipe in readable]
        found += [int(listener.hear()) for listener in ready]
    return found


@casts(*itertools.product(["JSONDataQueue"], [COMPAT, NATIVE]))
def test_listeners_of_a_queue_that_come_late_are_killed_and_come_back(cast: Cast) -> None:
    sender = cast.sender()
    for number in range(1, 31):
        send(sender, number)  # nobody listens yet
    late = cast.listener()
    assert [int(late.hear()) for _ in range(30)] == list(range(1, 31))
    other = cast.listener()
    for listener in (late, other):
        listener.until_asleep()
    late.kill()  # while it sleeps in the queue: the next wake must not be its
    for number in range(31, 61):
        send(sender, number)
    assert [int(other.hear()) for _ in range(30)] == list(range(31, 61))
    back = cast.listener()
    for number in range(61, 91):
        send(sender, number)
    assert Counter(collect([other, back], 30)) == Counter(range(61, 91))


@casts(("JSONDataQueue", NATIVE))
def test_what_a_killed_listener_held_goes_to_another(cast: Cast) -> None:
    """`receive` in place of `get`, which the original has no word for."""
    path = cast.words["path"] + "/work"
    with Queue(path) as queue:
        queue.put({"n": 1})
        holder = cast.stage.enter_context(
            Child(f"delivery = tocsin.Queue({path!r}).receive()\nsay(delivery.item['n'])\nhear()")
        )
        assert holder.hear() == "1"
        assert queue.empty()
        holder.kill()
        with queue.receive(timeout=60) as delivery:
            assert (delivery.item, delivery.attempt) == ({"n": 1}, 2)
        assert queue.join(60)


@casts(("JSONDataQueue", COMPAT))
def test_two_processes_open_what_the_original_left(cast: Cast) -> None:
    """Both at once, while a third puts: nothing twice, nothing lost."""
    original = pytest.importorskip(ORIGINAL)
    left = original.JSONDataQueue(cast.words["path"])
    for number in range(1, 201):
        left.put({"n": number})
    listeners = [cast.listener(announced=False) for _ in range(2)]
    sender = cast.sender()
    for number in range(201, 301):
        send(sender, number)
    for listener in listeners:
        assert listener.hear() == "listening"
    assert Counter(collect(listeners, 300)) == Counter(range(1, 301))
