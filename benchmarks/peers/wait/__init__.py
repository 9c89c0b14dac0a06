"""Ways to wait for one of many in one process, while others make them ready. Each takes back what it found."""

from __future__ import annotations

import os
import select
import selectors
from abc import ABC, abstractmethod
from contextlib import ExitStack
from multiprocessing import connection

from tocsin import Event, WaitSet, wait_any


class Many(ABC):
    """`count` things, of which `ready` makes one ready, and `wait` finds it and takes it back."""

    name: str

    def __init__(self, count: int, place: str) -> None:
        self.stack = ExitStack()
        self.count = count
        self.make(place)

    @abstractmethod
    def make(self, place: str) -> None: ...
    @abstractmethod
    def ready(self, i: int) -> None: ...
    @abstractmethod
    def wait(self) -> None: ...

    def begin(self) -> None:  # noqa: B027 - not everybody needs it
        """In the process that waits."""

    def drop(self) -> None:
        self.stack.close()


class _Pipes(Many):
    def make(self, place: str) -> None:  # noqa: ARG002
        self.pipes = [os.pipe() for _ in range(self.count)]
        for reads, writes in self.pipes:
            self.stack.callback(os.close, reads)
            self.stack.callback(os.close, writes)

    def ready(self, i: int) -> None:
        os.write(self.pipes[i][1], b"x")


class Epoll(_Pipes):
    name = "epoll, pipes"

    def begin(self) -> None:
        self.epoll = self.stack.enter_context(select.epoll())
        for reads, _ in self.pipes:
            self.epoll.register(reads, select.EPOLLIN)

    def wait(self) -> None:
        for fd, _ in self.epoll.poll():
            os.read(fd, 1)


class Selector(_Pipes):
    name = "selectors, pipes"

    def begin(self) -> None:
        self.selector = self.stack.enter_context(selectors.DefaultSelector())
        for reads, _ in self.pipes:
            self.selector.register(reads, selectors.EVENT_READ)

    def wait(self) -> None:
        for key, _ in self.selector.select():
            os.read(key.fd, 1)


class Connections(Many):
    name = "multiprocessing.connection.wait"

    def make(self, place: str) -> None:  # noqa: ARG002
        from multiprocessing import Pipe

        self.pairs = [Pipe(duplex=False) for _ in range(self.count)]
        self.readers = [reads for reads, _ in self.pairs]
        for pair in self.pairs:
            for one in pair:
                self.stack.enter_context(one)

    def ready(self, i: int) -> None:
        self.pairs[i][1].send_bytes(b"x")

    def wait(self) -> None:
        for reads in connection.wait(self.readers):
            reads.recv_bytes()  # type: ignore[union-attr]


class _Events(Many):
    def make(self, place: str) -> None:
        mine = type(self).__name__
        self.events = [Event(f"{mine}-{i}", at=place) for i in range(self.count)]
        for event in self.events:
            self.stack.enter_context(event)

    def ready(self, i: int) -> None:
        self.events[i].set()


class Sets(_Events):
    name = "tocsin.WaitSet"

    def begin(self) -> None:
        self.kept = self.stack.enter_context(WaitSet(self.events))

    def wait(self) -> None:
        for event in self.kept.wait():
            event.clear()


class Any(_Events):
    name = "tocsin.wait_any, a tuple"

    def begin(self) -> None:
        self.kept = tuple(self.events)

    def wait(self) -> None:
        for event in wait_any(*self.kept):
            event.clear()


class AnyOfList(_Events):
    """Of a list Python makes a tuple first, at every call."""

    name = "tocsin.wait_any, a list"

    def wait(self) -> None:
        for event in wait_any(*self.events):
            event.clear()


PEERS: list[type[Many]] = [Epoll, Selector, Connections, Sets, Any, AnyOfList]
