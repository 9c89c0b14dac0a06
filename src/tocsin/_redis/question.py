"""Question: what is asked of a server on a connection, in steps (`steps`).

What was lost may be the question or the answer, so a question that changes something (`Change`) carries a number: each
connection has a writer's name, under which the server keeps the number of its last change and what it answered, and the
same number is answered from there (scripts/once.lua). A connection that goes on for a broken one takes its name and
number over.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tocsin._redis.line import ReplyError, pack
from tocsin._redis.steps import Step

if TYPE_CHECKING:
    from tocsin._redis.line import Line
    from tocsin._redis.script import Script
    from tocsin._redis.steps import Steps


class Asking(Step):
    """The answer to this, on this connection, by `end` (ns). Unreachable."""

    __slots__ = ("end", "line", "packed")

    def __init__(self, line: Line, packed: bytes, end: int) -> None:
        self.line = line
        self.packed = packed
        self.end = end

    def block(self) -> Any:
        return self.line.ask(self.packed, self.end)

    async def suspend(self) -> Any:
        return await self.line.ask_async(self.packed, self.end)


class Question:
    """Commands that change nothing, or that may be done twice."""

    __slots__ = ("packed", "script")

    def __init__(self, packed: bytes, script: Script | None = None) -> None:
        self.packed = packed
        self.script = script

    def prepare(self, line: Line) -> bytes:  # noqa: ARG002 - a change's own
        return self.packed

    def steps(self, line: Line, end: int) -> Steps[Any]:
        """The answer, an error's too."""
        asking = Asking(line, self.prepare(line), end)
        answer = yield asking
        # Somebody may flush them again before it is asked for.
        while self.script is not None and type(answer) is ReplyError and str(answer).startswith("NOSCRIPT"):
            loaded = yield Asking(line, self.script.load, end)
            answer = loaded if type(loaded) is ReplyError else (yield asking)
        replicas = line.address.replicas
        if replicas and type(answer) is not ReplyError and isinstance(self, Change):
            packed = pack((b"WAIT", replicas, max(1, line.address.patience_ns // 4_000_000)))
            found = yield Asking(line, packed, end)
            if not isinstance(found, int) or found < replicas:  # asked again, it is only waited for again
                return ReplyError(f"NOREPLICAS it was done, but {found} of the {replicas} replicas asked for have it")
        return answer


class Change(Question):
    """A script that is to run once, whose last key is the writer's memory and whose last argument is the number."""

    __slots__ = ("args", "keys", "number", "writer")

    def __init__(self, script: Script, keys: tuple[Any, ...], args: tuple[Any, ...]) -> None:
        super().__init__(b"", script)
        self.keys, self.args = keys, args
        self.writer = b""
        self.number = 0

    def prepare(self, line: Line) -> bytes:
        assert self.script is not None
        if not self.packed:
            line.writes += 1
            self.writer, self.number = line.writer, line.writes
            memory = b"%b:o:%b" % (self.keys[0], self.writer)
            self.packed = self.script.call((*self.keys, memory), (*self.args, self.number))
        else:
            line.writer, line.writes = self.writer, self.number
        return self.packed
