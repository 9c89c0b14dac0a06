"""One of each kind of object at a server, so that a test about what befalls the server is written once."""

from __future__ import annotations

import contextlib
import socket
from typing import TYPE_CHECKING, Any

from harness.callers import RUN, InThread
from harness.until import until
from tocsin import Bus, DataEvent, Event, Lock, Queue, Signal

if TYPE_CHECKING:
    from harness.servers import RedisServer


#: A busy machine may take long to start a server again.
PATIENT = 150
CALLERS = ("thread", "asyncio", "trio")


class Subject:
    """How a kind is made, changed, waited for, and how many of its changes the server knows of."""

    cls: type[Any] = Event
    wake = "wait"
    args: tuple[Any, ...] = ()  # of the wait, before its timeout

    def open(self, place: str) -> Any:
        return self.cls("x", at=place)

    def change(self, handle: Any) -> None:
        """A pulse: whoever waits is released, however late he hears of it."""
        handle.set()
        handle.clear()

    def count(self, handle: Any) -> int:
        return handle.generation

    def wait(self, handle: Any, timeout: float | None = None) -> Any:
        return getattr(handle, self.wake)(*self.args, timeout=timeout)

    def start(self, handle: Any, caller: str = "thread", timeout: float | None = None) -> InThread:
        """A wait that is pending in a thread, or on a loop."""
        if caller == "thread":
            return InThread(lambda: self.wait(handle, timeout))
        twin = getattr(handle, f"{self.wake}_async")
        return InThread(lambda: RUN[caller](lambda: twin(*self.args, timeout=timeout)))


class SignalSubject(Subject):
    cls = Signal

    def change(self, handle: Any) -> None:
        handle.signal()

    def count(self, handle: Any) -> int:
        return handle.count


class DataSubject(Subject):
    cls = DataEvent

    def change(self, handle: Any) -> None:
        handle.signal("value")

    def count(self, handle: Any) -> int:
        return handle.version


class QueueSubject(Subject):
    cls = Queue
    wake = "get"

    def change(self, handle: Any) -> None:
        handle.put("item")

    def count(self, handle: Any) -> int:
        return handle.stats().puts

    def start(self, handle: Any, caller: str = "thread", timeout: float | None = None) -> InThread:
        if caller == "thread":
            return super().start(handle, caller, timeout)
        return InThread(lambda: RUN[caller](lambda: handle.get_async(timeout=timeout)))


class BusSubject(Subject):
    cls = Bus
    args = ("x",)

    def change(self, handle: Any) -> None:
        handle.emit("x")

    def count(self, handle: Any) -> int:
        return handle._topic.head

    def start(self, handle: Any, caller: str = "thread", timeout: float | None = None) -> InThread:
        """A bus reads on from its last wait, so what is outstanding at the server proves nothing of this one."""
        pending = super().start(handle, caller, timeout)
        until(lambda: pending.done() or handle._waiting, "it waits")
        return pending


class LockSubject(Subject):
    """A wait of it ends only if another has it, so what befalls its waits has tests of its own."""

    cls = Lock
    wake = "acquire"

    def change(self, handle: Any) -> None:
        handle.acquire()
        handle.release()

    def count(self, handle: Any) -> int:
        """How often it was taken."""
        return int(handle._found_there()[4])


SUBJECTS = {
    "event": Subject(),
    "signal": SignalSubject(),
    "data": DataSubject(),
    "queue": QueueSubject(),
    "bus": BusSubject(),
}
LOCK = LockSubject()


def until_blocked(server: RedisServer, wait: InThread) -> None:
    """Until a read is outstanding there. A wait has looked before it, so whatever comes from then on is news."""
    until(lambda: wait.done() or blocked(server), "a connection waits at the server")
    assert not wait.done(), f"the wait is over: {wait.result()}"


def pending(server: RedisServer, subject: Subject, handle: Any, caller: str = "thread") -> InThread:
    """The next wait on this handle, which has begun. What the one before left outstanding is cut first, because it
    would prove nothing of this one: a pulse that comes before a wait is none of its business."""
    server.ask("CLIENT", "KILL", "TYPE", "normal")
    wait = subject.start(handle, caller)
    until_blocked(server, wait)
    return wait


def blocked(server: RedisServer) -> int:
    """How many connections are. By hand: this is asked often, and a client of redis-py takes long to be made."""
    with socket.socket(socket.AF_UNIX) as line, contextlib.suppress(OSError):
        line.connect(server.socket)
        line.sendall(b"CLIENT LIST\r\n")
        file = line.makefile("rb")
        size = int(file.readline()[1:])
        return file.read(size).count(b" flags=b")
    return 0
