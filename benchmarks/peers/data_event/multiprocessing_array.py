"""multiprocessing.Array and Condition: what one would build from the standard library, for a process and its children.
"""

from __future__ import annotations

import multiprocessing
from typing import Any

from . import Peer, Value, decode, encode

ROOM = 8192


class Shared:
    """The bytes, their length and their version, under the condition's lock."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("fork")
        self.changed = context.Condition()
        self.bytes = memoryview(context.RawArray("b", ROOM)).cast("B")  # ten times as fast as the array's own slices
        self.length: Any = context.RawValue("q", 0)
        self.version: Any = context.RawValue("q", 0)
        self.seen = 0

    def signal(self, value: object) -> None:
        data = encode(value)
        with self.changed:
            self.bytes[: len(data)] = data
            self.length.value = len(data)
            self.version.value += 1
            self.changed.notify_all()

    def latest(self) -> Any:
        with self.changed:
            data = bytes(self.bytes[: self.length.value])
        return decode(data)

    def wait(self) -> Any:
        with self.changed:
            while self.seen == self.version.value:
                self.changed.wait()
            self.seen = self.version.value
            data = bytes(self.bytes[: self.length.value])
        return decode(data)


def make(_tag: str) -> Value:
    shared = Shared()
    return Value(shared.signal, shared.latest, shared.wait, lambda: None)


PEER = Peer("multiprocessing.Array and Condition", make)
