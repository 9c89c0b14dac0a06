"""litequeue: an SQLite table on the RAM disk. It has no blocking get: polled once a millisecond."""

from __future__ import annotations

import time
from itertools import count
from typing import Any

from benchmarks.peers import here, module

from . import JSON, MSGSPEC, Ends, Made, Peer

POLL_S = 0.001
_numbers = count()


def make(_producers: int, _consumers: int) -> Made:
    module("litequeue")
    path = f"{here()}/litequeue-{next(_numbers)}"

    def opened() -> Any:
        litequeue: Any = module("litequeue")
        return litequeue.LiteQueue(path, timeout=60)

    def ends(_number: int) -> Ends:
        queue = opened()
        pop, done = queue.pop, queue.done

        def get() -> Any:
            while (message := pop()) is None:
                time.sleep(POLL_S)
            done(message.message_id)
            return message.data

        def put_many(items: list[Any]) -> None:
            with queue.transaction():
                for item in items:
                    queue.put(item)

        def get_many(_most: int) -> list[Any]:
            return [get()]  # a pop begins a transaction of its own

        return Ends(queue.put, get, put_many, get_many)

    opened().conn.close()  # the table is there before two processes want to make it
    return Made(ends, ends, lambda: None)


PEERS = (
    Peer("litequeue, json", make, JSON, batches=True, slow=True),
    Peer("litequeue, msgspec", make, MSGSPEC, batches=True, slow=True),
)
