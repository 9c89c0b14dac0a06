"""Items through a queue, between processes: producers put a number of items, consumers count what they get.

The time is from the moment that everyone is let go until the last of the items has been counted, so that a queue
that only takes the items in is not called fast. Consumers count in chunks, and the producers put some more than
is measured, so that no consumer waits for the end of its chunk.
"""

from __future__ import annotations

import dataclasses
import mmap
import os
import time
from contextlib import ExitStack
from functools import partial
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any

from benchmarks.procs import all_alive, all_ready, child, process_cpu_ns

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.peers.queue import Codec, Ends, Made, Peer

CHUNK = 16
BATCH = 50
PATIENCE_S = 60
NAP_S = 0.001


@dataclasses.dataclass(frozen=True)
class Shape:
    """Who takes part, and how they put and get."""

    producers: int
    consumers: int
    item: Any
    batch: int = 0  # 0: one by one
    rehearsal: int = 0  # items that each process passes through a queue of its own before the start


@dataclasses.dataclass(frozen=True)
class Took:
    """Per item: microseconds on the clock, and of CPU time of all processes together."""

    us: float
    cpu_us: float


def one_by_one(ends: Ends, item: Any, codec: Codec | None, count: int) -> None:
    put = ends.put
    assert put is not None
    turns = range(count)
    if codec is None:
        for _ in turns:
            put(item)
    else:
        encode = codec.encode
        for _ in turns:
            put(encode(item))


def in_batches(ends: Ends, item: Any, codec: Codec | None, count: int, batch: int) -> None:
    put_many = ends.put_many
    assert put_many is not None
    items = [item] * batch
    turns = range(count // batch)
    if codec is None:
        for _ in turns:
            put_many(items)
    else:
        encode = codec.encode
        for _ in turns:
            put_many([encode(item) for item in items])


def count_one_by_one(ends: Ends, codec: Codec | None, slots: memoryview, mine: int) -> None:
    get = ends.get
    assert get is not None
    clock, turns, seen = perf_counter_ns, range(CHUNK), 0
    while True:
        if codec is None:
            for _ in turns:
                get()
        else:
            decode = codec.decode
            for _ in turns:
                decode(get())
        seen += CHUNK
        slots[mine + 1] = clock()
        slots[mine] = seen


def count_batches(ends: Ends, codec: Codec | None, slots: memoryview, mine: int, batch: int) -> None:
    get_many = ends.get_many
    assert get_many is not None
    clock, seen = perf_counter_ns, 0
    while True:
        got = get_many(batch)
        if codec is not None:
            decode = codec.decode
            for item in got:
                decode(item)
        seen += len(got)
        slots[mine + 1] = clock()
        slots[mine] = seen


class Run:
    """One measurement: its children, and the memory that they count in."""

    def __init__(self, peer: Peer, shape: Shape, items: int) -> None:
        self.peer = peer
        self.shape = shape
        self.codec = None if peer.itself else peer.codec
        self.item = peer.codec.encode(shape.item) if peer.itself and peer.codec else shape.item
        self.items = items
        self.slots = memoryview(mmap.mmap(-1, 16 * (shape.consumers + 1))).cast("q")
        # So many more that every consumer can fill its last chunk or batch.
        step = max(CHUNK, shape.batch)
        each = -(-(items + step * shape.consumers) // shape.producers)
        self.each = -(-each // step) * step
        self.ready, self.say = os.pipe()
        self.gate, self.open_gate = os.pipe()

    def rehearse(self) -> None:
        """A forked child copies each page of the interpreter that it touches first: not what a queue costs."""
        if not self.shape.rehearsal:
            return
        made = self.peer.make(1, 1)
        put, get = made.producer(0).put, made.consumer(0).get
        assert put is not None
        assert get is not None
        for _ in range(self.shape.rehearsal):
            if self.codec is None:
                put(self.item)
                get()
            else:
                put(self.codec.encode(self.item))
                self.codec.decode(get())
        made.drop()

    def produce(self, made: Made, number: int) -> None:
        self.rehearse()
        ends = made.producer(number)
        self.wait_at_gate()
        if self.shape.batch:
            in_batches(ends, self.item, self.codec, self.each, self.shape.batch)
        else:
            one_by_one(ends, self.item, self.codec, self.each)
        # Stay: what has been put may still be in a thread's hands. Whoever measures ends us.
        while True:
            time.sleep(PATIENCE_S)

    def consume(self, made: Made, number: int) -> None:
        self.rehearse()
        ends = made.consumer(number)
        self.wait_at_gate()
        if self.shape.batch:
            count_batches(ends, self.codec, self.slots, 2 * number, self.shape.batch)
        else:
            count_one_by_one(ends, self.codec, self.slots, 2 * number)

    def wait_at_gate(self) -> None:
        os.close(self.open_gate)
        os.write(self.say, b".")
        os.read(self.gate, 1)  # ends when the gate's other side is closed

    def seen(self) -> int:
        return sum(self.slots[0 : 2 * self.shape.consumers : 2].tolist())

    def wait_for_all(self, pids: list[int]) -> tuple[int, int]:
        """How many items were seen, and when the last of them."""
        deadline = time.monotonic() + PATIENCE_S
        while (seen := self.seen()) < self.items:
            if time.monotonic() > deadline:
                message = f"only {seen} of {self.items} items came through within {PATIENCE_S} s"
                raise RuntimeError(message)
            all_alive(pids)
            time.sleep(NAP_S)
        return seen, max(self.slots[1 : 2 * self.shape.consumers : 2].tolist())

    def go(self, made: Made, on: tuple[int, ...]) -> Took:
        runs: list[tuple[Callable[[], None], tuple[int, ...]]] = []
        runs += [(partial(self.produce, made, i), on[:1]) for i in range(self.shape.producers)]
        runs += [(partial(self.consume, made, i), on[1:2]) for i in range(self.shape.consumers)]
        with ExitStack() as stack:
            for fd in (self.ready, self.say, self.gate):
                stack.callback(os.close, fd)
            pids = [stack.enter_context(child(run, pin=pin)) for run, pin in runs]
            all_ready(self.ready, pids)
            before = sum(process_cpu_ns(pid) for pid in pids)
            start = perf_counter_ns()
            os.close(self.open_gate)
            seen, end = self.wait_for_all(pids)
            burned = sum(process_cpu_ns(pid) for pid in pids) - before
        return Took((end - start) / seen / 1e3, burned / seen / 1e3)


def through(peer: Peer, shape: Shape, items: int, *, on: tuple[int, ...] = ()) -> Took:
    """Items through a fresh queue."""
    made = peer.make(shape.producers, shape.consumers)
    try:
        return Run(peer, shape, items).go(made, on)
    finally:
        made.drop()


def enough(peer: Peer, shape: Shape, seconds: float) -> int:
    """How many items take about so long. Also the warm-up."""
    items = 200 * shape.consumers if peer.slow else 2_000 * shape.consumers
    for _ in range(2):
        took = through(peer, shape, items)
        items = max(100 * shape.consumers, int(seconds * 1e6 / took.us))
    return items
