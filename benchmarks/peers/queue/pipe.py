"""A bare pipe: four bytes of length, then the item. One producer, one consumer."""

from __future__ import annotations

import os
import struct

from . import JSON, MSGSPEC, Ends, Made, Peer


def make(_producers: int, _consumers: int) -> Made:
    reader, writer = os.pipe()
    pack, unpack = struct.Struct("I").pack, struct.Struct("I").unpack
    write = os.write

    def put(item: bytes) -> None:
        left = memoryview(pack(len(item)) + item)
        while left:
            left = left[write(writer, left) :]

    def producer(_number: int) -> Ends:
        return Ends(put=put)

    def consumer(_number: int) -> Ends:
        os.close(writer)
        read = os.fdopen(reader, "rb").read

        def get() -> bytes:
            return read(unpack(read(4))[0])

        return Ends(get=get)

    def drop() -> None:
        os.close(reader)
        os.close(writer)

    return Made(producer, consumer, drop)


PEERS = (
    Peer("a pipe, raw bytes", make, MSGSPEC, itself=True, many_to_many=False),
    Peer("a pipe, json", make, JSON, many_to_many=False),
    Peer("a pipe, msgspec", make, MSGSPEC, many_to_many=False),
)
