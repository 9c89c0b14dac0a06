"""A bare pipe with a length before each value: one writer, one reader, and no latest value."""

from __future__ import annotations

import os
import struct

from . import Peer, Value, decode, encode


def make(_tag: str) -> Value:
    reader, writer = os.pipe()
    length = struct.Struct("I")
    read = os.fdopen(reader, "rb", closefd=False).read

    def signal(value: object) -> None:
        data = encode(value)
        left = memoryview(length.pack(len(data)) + data)
        while left:
            left = left[os.write(writer, left) :]

    def wait() -> object:
        return decode(read(length.unpack(read(4))[0]))

    def drop() -> None:
        os.close(reader)
        os.close(writer)

    return Value(signal, None, wait, drop)


PEER = Peer("a pipe", make)
