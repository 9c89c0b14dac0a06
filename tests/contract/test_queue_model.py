"""Queue against a model of a few lines: whatever anybody does, in any order, with processes that die in between."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from queue import Empty, Full
from typing import TYPE_CHECKING

import pytest
from harness.child import Child
from harness.places import fresh_place
from harness.prove import FULL, cases
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from tocsin import Queue, ShutDown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tocsin import Delivery

MAXSIZE = 6
#: Of the time stamp that says when somebody last looked who died (docs/design/queue.md): zero is long ago.
LOOKED_AT = 200

#: Forks those who receive, and kills them on demand.
HOLDERS = """
    import json
    from queue import Empty
    from tocsin import Queue
    children = []
    while line := hear():
        what, argument = line.split(" ", 1)
        if what == "open":
            queue = Queue("q", at=argument)
        elif what == "close":
            queue.close()
        elif what == "receive":
            read, write = os.pipe()
            pid = os.fork()
            if pid == 0:
                try:
                    delivery = queue.receive(timeout=0)
                    os.write(write, json.dumps([delivery.item, delivery.attempt]).encode() + b"!")
                except Empty:
                    os.write(write, b"null!")
                signal.pause()
            text = b""
            while not text.endswith(b"!"):
                text += os.read(read, 1000)
            os.close(read)
            os.close(write)
            children.append(pid)
            say(text[:-1].decode())
            continue
        elif what == "kill":
            pid = children.pop(int(argument))
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        say("done")
"""


@pytest.mark.local("the format of files")
def test_the_stamp_is_where_the_format_says(place: str) -> None:
    with Queue("q", at=place) as queue:
        queue.put(1)
        with queue.receive():
            queue.join(timeout=0)  # looks who died
        with open(queue.path, "rb") as file:
            file.seek(LOOKED_AT)
            assert int.from_bytes(file.read(8), "little") > 0


@dataclass
class Item:
    number: int
    sequence: int
    attempts: int = 0
    back: int | None = None  #: how many had ever been put when it came back

    @property
    def place(self) -> tuple[int, int, int]:
        """What comes back goes behind everything that was put before."""
        return (self.sequence, 0, 0) if self.back is None else (self.back, 1, self.sequence)


@dataclass
class Model:
    ready: list[Item] = field(default_factory=list)
    later: list[Item] = field(default_factory=list)
    puts: int = 0
    taken: int = 0  #: got by this process, and not yet done

    def put(self, number: int) -> None:
        self.puts += 1
        self.ready.append(Item(number, self.puts))

    def next(self) -> Item | None:
        return min(self.ready, key=lambda item: item.place, default=None)

    def take(self) -> Item:
        item = self.next()
        assert item is not None, "the model has nothing, and the queue gave something"
        self.ready.remove(item)
        item.attempts += 1
        return item

    def come_back(self, item: Item) -> None:
        item.back = self.puts
        self.ready.append(item)


class Machine(RuleBasedStateMachine):
    holders: Child

    def __init__(self) -> None:
        super().__init__()
        self.place_context = fresh_place()
        self.place = self.place_context.__enter__()
        self.queue: Queue[int] = Queue("q", at=self.place, maxsize=MAXSIZE, max_deliveries=0)
        self.model = Model()
        self.mine: list[tuple[Delivery[int], Item]] = []
        self.others: list[Item | None] = []
        self.numbers = 0
        self.tell(f"open {self.place}")

    def tell(self, line: str) -> str:
        self.holders.say(line)
        return self.holders.hear()

    def teardown(self) -> None:
        while self.others:
            self.others.pop()
            self.tell("kill 0")
        self.tell("close -")
        for delivery, _ in self.mine:
            delivery.ack()
        self.queue.close()
        self.place_context.__exit__(None, None, None)

    def bury(self) -> None:
        """Who died is asked at most once a second; here at once."""
        fd = os.open(self.queue.path, os.O_WRONLY)
        os.pwrite(fd, bytes(8), LOOKED_AT)
        os.close(fd)
        self.queue.join(timeout=0)

    # -- putting

    @rule(many=st.integers(1, 4))
    def put(self, many: int) -> None:
        for _ in range(many):
            self.numbers += 1
            if len(self.model.ready) + len(self.model.later) >= MAXSIZE:
                with pytest.raises(Full):
                    self.queue.put_nowait(self.numbers)
                return
            self.queue.put_nowait(self.numbers)
            self.model.put(self.numbers)

    @rule(many=st.integers(0, 4))
    def put_many(self, many: int) -> None:
        room = MAXSIZE - len(self.model.ready) - len(self.model.later)
        numbers = [self.numbers + 1 + i for i in range(max(0, min(many, room)))]
        self.numbers += many
        assert self.queue.put_many(numbers, timeout=0) == len(numbers)
        for number in numbers:
            self.model.put(number)

    # -- taking

    @rule()
    def get(self) -> None:
        if self.model.next() is None:
            with pytest.raises(Empty):
                self.queue.get_nowait()
            return
        got = self.queue.get_nowait()
        assert got == self.model.take().number
        self.model.taken += 1

    @precondition(lambda self: all(item.back is None for item in self.model.ready))
    @rule(most=st.integers(1, 5))
    def get_many(self, most: int) -> None:
        if self.model.next() is None:
            with pytest.raises(Empty):
                self.queue.get_many(most, timeout=0)
            return
        got = self.queue.get_many(most, timeout=0)
        assert got == [self.model.take().number for _ in range(min(most, len(self.model.ready)))]
        self.model.taken += len(got)

    @rule()
    def receive(self) -> None:
        if self.model.next() is None:
            with pytest.raises(Empty):
                self.queue.receive(timeout=0)
            return
        delivery = self.queue.receive(timeout=0)
        item = self.model.take()
        assert (delivery.item, delivery.attempt, delivery.sequence) == (item.number, item.attempts, item.sequence)
        self.mine.append((delivery, item))

    # -- settling

    @precondition(lambda self: self.mine)
    @rule(data=st.data())
    def ack(self, data: st.DataObject) -> None:
        delivery, _ = self.mine.pop(data.draw(st.integers(0, len(self.mine) - 1)))
        delivery.ack()

    @precondition(lambda self: self.mine)
    @rule(data=st.data(), later=st.booleans())
    def nack(self, data: st.DataObject, *, later: bool) -> None:
        delivery, item = self.mine.pop(data.draw(st.integers(0, len(self.mine) - 1)))
        delivery.nack(3600 if later else 0)
        if later:
            self.model.later.append(item)
        else:
            self.model.come_back(item)

    @rule()
    def task_done(self) -> None:
        if self.model.taken == 0:
            with pytest.raises(ValueError, match="task_done"):
                self.queue.task_done()
            return
        self.queue.task_done()
        self.model.taken -= 1

    # -- other processes

    @precondition(lambda self: len(self.others) < 3)
    @rule()
    def another_receives(self) -> None:
        said = json.loads(self.tell("receive -"))
        if self.model.next() is None:
            assert said is None
            self.others.append(None)
            return
        item = self.model.take()
        assert said == [item.number, item.attempts]
        self.others.append(item)

    @precondition(lambda self: self.others)
    @rule(data=st.data())
    def another_dies(self, data: st.DataObject) -> None:
        which = data.draw(st.integers(0, len(self.others) - 1))
        item = self.others.pop(which)
        self.tell(f"kill {which}")
        self.bury()
        if item:
            self.model.come_back(item)

    # -- the whole

    @rule()
    def purge(self) -> None:
        assert self.queue.purge() == len(self.model.ready) + len(self.model.later)
        self.model.ready.clear()
        self.model.later.clear()

    @precondition(lambda self: not self.mine and self.model.taken == 0)
    @rule()
    def reopen(self) -> None:
        again: Queue[int] = Queue("q", at=self.place)
        self.queue.close()
        self.queue = again

    @rule()
    def look(self) -> None:
        item = self.model.next()
        if item is None:
            with pytest.raises(Empty):
                self.queue.peek()
        else:
            assert self.queue.peek() == item.number

    @invariant()
    def counts(self) -> None:
        stats = self.queue.stats()
        held = len(self.mine) + sum(item is not None for item in self.others)
        waiting = len(self.model.ready) + len(self.model.later)
        assert (self.queue.qsize(), stats.delayed, stats.held) == (len(self.model.ready), len(self.model.later), held)
        assert self.queue.full() == (waiting >= MAXSIZE)
        assert self.queue.empty() == (not self.model.ready)
        assert self.queue.join(timeout=0) == (waiting + held + self.model.taken == 0)


class Ending(Machine):
    """The same, and in the end it is shut down, and everybody takes what is left."""

    @rule(immediate=st.booleans())
    def shutdown_of_a_copy(self, *, immediate: bool) -> None:
        if self.mine or self.others:
            return
        self.queue.shutdown(immediate=immediate)
        with pytest.raises(ShutDown):
            self.queue.put_nowait(0)
        if immediate:
            self.model.ready.clear()
            self.model.later.clear()
        while self.model.ready:
            assert self.queue.get_nowait() == self.model.take().number
        if not self.model.later:
            with pytest.raises(ShutDown):
                self.queue.get_nowait()
        self.queue.unlink()
        self.queue.close()
        self.tell("close -")
        self.queue = Queue("q", at=self.place, maxsize=MAXSIZE, max_deliveries=0)
        self.tell(f"open {self.place}")
        self.model = Model()


@pytest.fixture
def holders() -> Iterator[Child]:
    with Child(HOLDERS) as child:
        yield child


@pytest.mark.prove
@pytest.mark.timeout(3600 if FULL else 900)
@pytest.mark.parametrize("machine", [Machine, Ending])
def test_the_queue_does_what_the_model_does(
    machine: type[Machine], holders: Child, tally: Callable[[str], None]
) -> None:
    machine.holders = holders
    examples = cases(25, 1_500)
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=40,
            deadline=None,
            derandomize=not FULL,
            phases=[Phase.generate, Phase.shrink] if FULL else [Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )
    tally(f"{examples} histories of up to 40 steps")
