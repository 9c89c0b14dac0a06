"""Taker: a connection by which one thread or task at a time takes items of a queue, and the consumer that it is there.

It takes by XREADGROUP, which gives an item to one consumer and keeps whose it is, also while it is blocked: a wake
brings the item along. What is taken for good (`get`) is said to the server behind it, and the answer to that is read
before the next question (`owed`): until then it is this consumer's there, so nothing is lost if it doesn't arrive.
"""

from __future__ import annotations

import os
import select
from typing import TYPE_CHECKING, Any

from tocsin import _core
from tocsin._redis.line import ReplyError, pack

if TYPE_CHECKING:
    from tocsin._redis.line import Line
    from tocsin._redis.question import Question
    from tocsin._redis.server import Server

_ID = pack((b"CLIENT", b"ID"))


class Taker:
    """Made on need, kept by its queue for the next one who takes."""

    def __init__(self, server: Server, holder: bytes, items: bytes, until: int) -> None:
        self.server = server
        self.consumer = b"%b.%b" % (holder, os.urandom(4).hex().encode())
        self.items = items
        self.line: Line = server.connect(until)
        self.number: Any = self.line.ask(_ID, until)
        if not isinstance(self.number, int):
            self.line.close()
            raise server.failure(self.number)
        self.owed: list[Question] = []  # what was said and not answered yet
        self.is_blocked = False
        self.one = self.reading(1)
        self.poll = select.poll()
        self.poll.register(self.line.fd, select.POLLIN)

    def reading(self, count: int, ms: int = 0) -> bytes:
        """The question for so many items. `ms`: it may take so long; 0: it must not."""
        block = (b"BLOCK", ms) if ms else ()
        group = (b"XREADGROUP", b"GROUP", b"g", self.consumer)
        return pack((*group, b"COUNT", count, *block, b"STREAMS", self.items, b">"))

    def say(self, question: Question) -> None:
        """Send what has to be done, and may be done twice, without waiting for the answer."""
        self.owed.append(question)
        line = self.line
        try:
            line.sock.sendall(question.packed)  # a short one
        except OSError:
            line.close()

    def is_sound(self) -> bool:
        return self.line.sock.fileno() >= 0 and self.line.pid == os.getpid()

    def ask(self, packed: bytes, count: int, until: int) -> list[Any]:
        """So many answers to a question of several commands; Unreachable, and then it is closed."""
        line = self.line
        owed = len(self.owed)
        found = line.ask(packed, until)
        for _ in range(owed):
            self.settled(found)
            found = line.ask(b"", until)
        answers = [found]
        while len(answers) < count:
            answers.append(line.ask(b"", until))
        return answers

    def settled(self, answer: Any) -> None:
        """The answer to the oldest thing that was said."""
        question = self.owed[0]
        if type(answer) is ReplyError and str(answer).startswith("NOSCRIPT"):
            self.server.answer(question, -1)
        del self.owed[0]

    # -- being blocked, in parts: begin, then `end` when the connection can be read

    def begin(self, count: int, ms: int) -> None:
        self.is_blocked = True
        line = self.line
        line.unblock()
        line.send_all(self.reading(count, ms), _core.now() + 1_000_000_000)

    def end(self) -> Any:
        """The answer if it is there: items, None for none; False: not yet. OSError."""
        line = self.line
        while True:
            answer = line.take()
            if answer is False:
                line.owes = True
                return False
            if not self.owed:
                self.is_blocked = False
                return answer
            self.settled(answer)

    def close(self) -> None:
        self.line.close()
