"""Where a topic is when a task begins to wait: asked at once, and not waited for.

The question is under way when the call returns, so what the server gets behind it comes after the wait began. Its
answer is read by whoever needs it first: the task itself, the reader before it decides who hears what came, or who
emits.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import TYPE_CHECKING, Any

from tocsin import _core
from tocsin._errors import Unreachable
from tocsin._redis.line import unreachable

if TYPE_CHECKING:
    from tocsin._redis.line import Line
    from tocsin._redis.topic_hear import RedisHearing

_QUICK_NS = 1_000_000_000


class Mark:
    """`number`: of the last emit then; None: the answer has not come. `low`: of the last that was known without asking,
    which counts if the connection breaks: better to hear one that came just before than to lose one."""

    def __init__(self, topic: RedisHearing, until: int) -> None:
        self.topic = topic
        self.number: int | None = None
        self.low = topic._emits
        self.end = topic._server.until(until)
        self.lock = threading.RLock()
        self.busy = False  # a thread waits for the answer
        self.watched = False  # a task does, by the descriptor
        self.line: Line = topic._server.take(self.end)
        try:
            self.line.unblock()
            self.line.send_all(topic._asking, _core.now() + _QUICK_NS)
        except OSError:
            self._lose()
        except BaseException:
            self.line.close()
            raise

    def is_known(self, *, by_task: bool = False) -> bool:
        """Has the answer come? From any thread; never waits."""
        if self.number is None and self.lock.acquire(blocking=False):
            try:
                if self.number is None and not self.busy:
                    answer = self.line.take()
                    if answer is not False:
                        self._learn(answer, tell=self.watched and not by_task)
            except OSError:
                self._lose()
            finally:
                self.lock.release()
        return self.number is not None

    def resolve(self) -> int:
        """The number, by a thread that may wait for it."""
        with self.lock:
            if self.number is None and not self.busy:  # else we are a handler of a signal that came in the midst
                self.busy = True
                try:
                    self._learn(self.line.ask(b"", self.end), tell=self.watched)
                except Unreachable:
                    self._lose()
                finally:
                    self.busy = False
            return self.low if self.number is None else self.number

    async def arrive(self) -> None:
        """Until the answer has come, by a task. Unreachable: it has not, by the time it had to."""
        from tocsin._aio import Readable

        self.watched = True  # from now on whoever else has the answer tells
        if self.is_known(by_task=True):
            return
        try:
            readable = Readable(self.line.fd)
        except OSError:  # somebody has had it just now
            return
        with readable:
            while not self.is_known(by_task=True):
                left = self.end - _core.now()
                if left <= 0:
                    raise unreachable(self.topic._server.address, "it didn't answer in time")
                await readable.wait(left / 1e9)

    def leave(self) -> None:
        """Nobody waits any more."""
        if not self.is_known():
            self.line.close()

    def _learn(self, answer: Any, *, tell: bool) -> None:
        try:
            self.number = int(self.topic._looked(answer)[0])
        except Exception:  # noqa: BLE001 - removed, or worse: its waits are told by its stream
            self._lose()
            return
        if tell:
            self._lose()
        else:
            self.topic._server.give(self.line)

    def _lose(self) -> None:
        """Its descriptor can be read from now on, also by a copy: so the task wakes."""
        if self.number is None:
            self.number = self.low
        with contextlib.suppress(OSError):
            self.line.sock.shutdown(socket.SHUT_RDWR)
        self.line.close()
