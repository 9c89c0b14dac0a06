"""persist-queue's SQLite queue on the RAM disk. Between processes its get() can only be polled: once a millisecond."""

from __future__ import annotations

import time
from functools import partial
from itertools import count
from typing import Any

from benchmarks.peers import here, module

from . import MSGSPEC, Codec, Ends, Made, Peer

POLL_S = 0.001
_numbers = count()


class Serializer:
    """What persist-queue asks of a serializer."""

    def __init__(self, codec: Codec) -> None:
        self.dumps, self.loads = codec.encode, codec.decode


def make(codec: Codec | None, _producers: int, _consumers: int) -> Made:
    persistqueue: Any = module("persistqueue")
    path = f"{here()}/persist-{next(_numbers)}"
    how = {"serializer": Serializer(codec)} if codec else {}

    def opened() -> Any:
        return persistqueue.SQLiteQueue(path, multithreading=True, auto_commit=True, timeout=60, **how)

    def ends(_number: int) -> Ends:
        queue = opened()
        # Another process's put doesn't set this one's event, so a blocking get would sleep for ten seconds.
        take, empty = partial(queue.get, block=False), persistqueue.Empty

        def get() -> Any:
            while True:
                try:
                    return take()
                except empty:
                    time.sleep(POLL_S)

        return Ends(queue.put, get)

    opened().close()  # two processes can't make it at once
    return Made(ends, ends, lambda: None)


PEERS = (
    # Its get selects, then deletes, in two steps: two consumers may be given the same item. So one of each only.
    Peer("persist-queue", partial(make, None), many_to_many=False, slow=True),
    Peer("persist-queue, msgspec", partial(make, MSGSPEC), many_to_many=False, slow=True),
)
