"""WaitSet against a model: whatever is done to its members, a look says what the model says."""

from __future__ import annotations

import os
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from harness.places import fresh_place
from harness.prove import cases
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tocsin import Event, Queue, Signal, WaitSet, wait_all, wait_any

if TYPE_CHECKING:
    from harness.servers import RedisServer

MEMBERS = st.integers(0, 8)


class Sets(RuleBasedStateMachine):
    """Three events, two signals, two queues, two pipes. The model: what is ready, what pulsed, and the order.

    With a `server` the events are there, and all else is here.
    """

    server: ClassVar[RedisServer | None] = None

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        place = self.stack.enter_context(fresh_place())
        at = place if self.server is None else self.server.url()
        self.things: list[Any] = [Event(f"e{i}", at=at) for i in range(3)]
        self.things += [Signal(f"s{i}", at=place) for i in range(2)]
        self.things += [Queue(f"q{i}", at=place) for i in range(2)]
        self.pipes = [os.pipe(), os.pipe()]
        self.kept = WaitSet()
        self.stack.enter_context(self.kept)
        for thing in self.things:
            self.stack.callback(thing.close)
        for fd in (*self.pipes[0], *self.pipes[1]):
            self.stack.callback(os.close, fd)
        self.things += [reads for reads, _ in self.pipes]
        self.ready = [False] * 9
        self.pulsed: set[int] = set()
        self.members: list[int] = []

    @rule(i=MEMBERS)
    def add(self, i: int) -> None:
        self.kept.add(self.things[i])
        if i not in self.members:
            self.members.append(i)
            self.pulsed.discard(i)

    @rule(i=MEMBERS)
    def discard(self, i: int) -> None:
        self.kept.discard(self.things[i])
        if i in self.members:
            self.members.remove(i)

    @rule(i=MEMBERS)
    def make_ready(self, i: int) -> None:
        thing = self.things[i]
        if isinstance(thing, Event):
            thing.set()
            if not self.ready[i]:
                self.pulsed.add(i)
        elif isinstance(thing, Signal):
            thing.signal()
        elif isinstance(thing, Queue):
            thing.put(1)
        else:
            os.write(self.pipes[i - 7][1], b"x")
        self.ready[i] = True

    @rule(i=MEMBERS)
    def take(self, i: int) -> None:
        if not self.ready[i]:
            return
        thing = self.things[i]
        if isinstance(thing, Event):
            thing.clear()
        elif isinstance(thing, Signal):
            thing.wait(0)
        elif isinstance(thing, Queue):
            while not thing.empty():
                thing.get()
        else:
            os.read(thing, 65536)
        self.ready[i] = False

    @rule(blocks=st.booleans())
    def wait(self, blocks: bool) -> None:  # noqa: FBT001
        expected = [i for i in self.members if self.ready[i] or i in self.pulsed]
        if expected or not blocks:
            found = self.kept.wait(None if blocks else 0)
            assert found == [self.things[i] for i in expected]
            self.pulsed -= set(self.members)

    @rule(those=st.lists(MEMBERS, max_size=6))
    def any_and_all(self, those: list[int]) -> None:
        objs = [self.things[i] for i in those]
        assert wait_any(*objs, timeout=0) == [self.things[i] for i in those if self.ready[i]]
        assert wait_all(*objs, timeout=0) is all(self.ready[i] for i in those)

    @invariant()
    def it_knows_its_members(self) -> None:
        assert len(self.kept) == len(self.members)
        assert all((thing in self.kept) == (i in self.members) for i, thing in enumerate(self.things))

    def teardown(self) -> None:
        self.stack.close()


Sets.TestCase.settings = settings(max_examples=cases(60, 2_000), stateful_step_count=40, deadline=None)
TestSets = Sets.TestCase


class SetsThere(Sets):
    """The same with the events at a server."""


SetsThere.TestCase.settings = settings(max_examples=cases(15, 500), stateful_step_count=40, deadline=None)


class TestSetsThere(SetsThere.TestCase):
    @pytest.fixture(autouse=True)
    def there(self, server: RedisServer) -> None:
        SetsThere.server = server
