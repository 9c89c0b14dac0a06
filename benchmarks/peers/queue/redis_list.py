"""A Redis list: LPUSH and BRPOP; in batches LPUSH of many, and BRPOP with RPOP of the rest."""

from __future__ import annotations

from functools import partial
from itertools import count
from typing import Any

from benchmarks.peers import redis_server

from . import JSON, MSGSPEC, Ends, Made, Peer

_numbers = count()


def make(_producers: int, _consumers: int) -> Made:
    redis_server.client().ping()  # the server is there before anyone forks
    key = f"queue-{next(_numbers)}"

    def ends(_number: int) -> Ends:
        redis = redis_server.client()
        push, pop, pop_many = redis.lpush, redis.brpop, redis.rpop

        def get() -> Any:
            return pop(key)[1]

        def put_many(items: list[Any]) -> None:
            push(key, *items)

        def get_many(most: int) -> list[Any]:
            return [pop(key)[1], *(pop_many(key, most - 1) or ())]

        return Ends(partial(push, key), get, put_many, get_many)

    def drop() -> None:
        redis_server.client().delete(key)

    return Made(ends, ends, drop)


PEERS = (
    Peer("Redis LPUSH/BRPOP, json", make, JSON, batches=True, slow=True),
    Peer("Redis LPUSH/BRPOP, msgspec", make, MSGSPEC, batches=True, slow=True),
)
