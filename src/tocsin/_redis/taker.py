"""Taker: a consumer of a queue's group, and the connection by which one thread or task at a time takes items with it.

It takes by XREADGROUP, which gives an item to one consumer and keeps whose it is, also while it is blocked: a wake
brings the item along. What is taken for good (`get`) is said to the server behind it, and the answer to that is read
before the next question (`owed`): until then it is this consumer's there, so nothing is lost if it doesn't arrive.

A connection that broke may have been given items on its way out, and so may one whose caller left in the middle. Such a
taker hands out nothing before it was put right (`queue_takers`), and then goes on under the same name.
"""

from __future__ import annotations

import contextlib
import os
import select
from typing import TYPE_CHECKING, Any

from tocsin import _core
from tocsin._redis.line import ReplyError, pack
from tocsin._redis.question import Asking
from tocsin._redis.server import LEAST_NS, Refusal
from tocsin._redis.steps import Step, in_thread

if TYPE_CHECKING:
    from tocsin._redis.line import Line
    from tocsin._redis.question import Question
    from tocsin._redis.server import Server
    from tocsin._redis.steps import Steps

_ID = pack((b"CLIENT", b"ID"))


class Taker(Step):
    """Made on need, kept by its queue for the next one who takes. As a step: blocked, until it can be read."""

    def __init__(self, server: Server, holder: bytes, items: bytes) -> None:
        self.server = server
        self.consumer = b"%b.%b" % (holder, os.urandom(4).hex().encode())
        self.name = f"tocsin-take-{self.consumer.decode()}"  # of its connections
        self.items = items
        self.line: Line | None = None
        self.number = 0  # of the connection, on the server; 0: there is none that could still take
        self.owed: list[Question] = []  # what was said and not answered yet
        self.is_blocked = False
        self.until = 0  # (ns) when an answer must be there, of one that is blocked
        self.one = self.reading(1)
        self.poll = select.poll()

    def connect(self, until: int) -> None:
        """Unreachable."""
        line = self.server.connect(until, self.name)
        try:
            number = line.ask(_ID, until)
            if type(number) is not int:
                raise self.server.failure(number)  # noqa: TRY301 - closed by the same rule
            self.poll.register(line.fd, select.POLLIN)
        except BaseException:
            line.close()
            raise
        self.line, self.number = line, number

    def reading(self, count: int, ms: int = 0) -> bytes:
        """The question for so many items. `ms`: it may take so long; 0: it must not."""
        block = (b"BLOCK", ms) if ms else ()
        group = (b"XREADGROUP", b"GROUP", b"g", self.consumer)
        return pack((*group, b"COUNT", count, *block, b"STREAMS", self.items, b">"))

    def is_whole(self) -> bool:
        """Connected, and owed nothing but the answers to what was said."""
        return self.line is not None and not self.is_blocked and not self.line.owes

    def say(self, question: Question) -> None:
        """Send what has to be done, and may be done twice, without waiting for the answer."""
        self.owed.append(question)
        line = self.line
        assert line is not None
        try:
            line.sock.sendall(question.packed)
        except OSError:
            self.close()
        except BaseException:  # a handler raised: the caller won't have what this is about, if it was not said
            del self.owed[-1]
            self.close()
            raise

    def settle(self, until: int) -> None:
        """Have the answers to what was said. Unreachable."""
        in_thread(self.asking(b"", 0, until))

    def asking(self, packed: bytes, count: int, until: int) -> Steps[list[Any]]:
        """So many answers to a question of several commands, behind those to what was said before.

        Unreachable, and then it is closed.
        """
        answers: list[Any] = []
        try:
            while self.owed:
                answer = None
                if self.line is not None:
                    answer = yield Asking(self.line, packed, until)
                    packed = b""
                yield from self._settled(answer, until)
            while len(answers) < count:
                assert self.line is not None
                answers.append((yield Asking(self.line, packed, until)))
                packed = b""
        except BaseException:
            self.close()
            raise
        return answers

    def _settled(self, answer: Any, until: int) -> Steps[None]:
        """The answer to the oldest thing that was said. None, or an error: it is said once more, to the end."""
        if answer is None or type(answer) is ReplyError:
            with contextlib.suppress(Refusal):  # the queue is no more
                yield from self.server.answer_steps(self.owed[0], until)
        del self.owed[0]

    # -- being blocked, in parts: begin, then `end` when the connection can be read

    def begin(self, count: int, ms: int, until: int) -> None:
        line = self.line
        assert line is not None
        self.is_blocked = True
        self.until = _core.now() + (ms + 2000) * 1_000_000
        if until >= 0:
            self.until = min(self.until, until + LEAST_NS)
        line.unblock()
        line.send_all(self.reading(count, ms), _core.now() + 1_000_000_000)

    def end(self) -> Any:
        """The answer if it is there: items, None for none; False: not yet. OSError."""
        line = self.line
        if line is None:
            raise ConnectionResetError("it is closed")
        while True:
            answer = line.take()
            if answer is False:
                if _core.now() >= self.until:
                    raise TimeoutError("no answer in time")
                line.owes = True
                return False
            if not self.owed:
                self.is_blocked = False
                return answer
            line.owes = True
            in_thread(self._settled(answer, self.until))

    def block(self) -> None:
        """Until there is something to read, or it is too late for that."""
        self.poll.poll(max(0.0, (self.until - _core.now()) / 1e6))

    async def suspend(self) -> None:
        from tocsin._aio import until_ready

        assert self.line is not None
        await until_ready(self.line.fd, max(0.0, (self.until - _core.now()) / 1e9))

    def rest(self) -> bool:
        """After a break: have the answer of one that is blocked no more, whatever it is. False: there will be none."""
        if self.line is None or not self.is_blocked or not self.line.owes:
            return False
        self.until = _core.now() + 1_000_000_000
        try:
            while self.end() is False:
                self.block()
        except OSError:
            return False
        return True

    # -- life

    def close(self) -> None:
        line, self.line = self.line, None
        self.is_blocked = False
        if line is not None:
            with contextlib.suppress(KeyError, ValueError, OSError):
                self.poll.unregister(line.fd)
            line.close()

    def is_listed(self, until: int) -> bool:
        """Is the connection that it had still one on the server? The number alone could be another's, after a
        restart."""
        rows = self.server.ask(pack((b"CLIENT", b"LIST", b"ID", self.number)), until)
        return b" name=%b " % self.name.encode() in rows

    def forget(self) -> None:
        """In a fork's child."""
        line, self.line = self.line, None
        if line is not None:
            line.forget()

