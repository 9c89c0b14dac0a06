"""faster-fifo: a ring in shared memory under a lock. It takes a codec itself, and has batches."""

from __future__ import annotations

from functools import partial
from typing import Any

from benchmarks.peers import module

from . import MSGSPEC, Ends, Made, Peer

ROOM = 1_000_000  # bytes; its default


def make(codec: Any, _producers: int, _consumers: int) -> Made:
    faster_fifo: Any = module("faster_fifo")
    queue = faster_fifo.Queue(ROOM, dumps=codec and codec.encode, loads=codec and codec.decode)

    def get_many(most: int) -> Any:
        return queue.get_many(max_messages_to_get=most)

    def ends(_number: int) -> Ends:
        return Ends(queue.put, queue.get, queue.put_many, get_many)

    return Made(ends, ends, queue.close)


PEERS = (
    Peer("faster-fifo", partial(make, None), batches=True),
    Peer("faster-fifo, msgspec", partial(make, MSGSPEC), batches=True),
)
