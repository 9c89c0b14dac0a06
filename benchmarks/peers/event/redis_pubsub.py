"""Redis PUBLISH and SUBSCRIBE, by hand: each waiter has a connection of its own."""

from __future__ import annotations

import os
from functools import partial

from benchmarks.peers import redis_server

from . import Flag, Peer, nothing


def make(tag: str, *, child: bool = False) -> Flag:
    redis = redis_server.client()
    name = tag if child else f"event-{os.getpid()}-{tag}"
    subscription = redis.pubsub(ignore_subscribe_messages=False)
    subscription.subscribe(name)
    subscription.get_message(timeout=None)  # the server has heard of it

    def wait() -> None:
        while subscription.get_message(timeout=None)["type"] != "message":
            pass

    return Flag(partial(redis.publish, name, b""), nothing, nothing, wait, subscription.close,
                lambda: make(name, child=True))


PEER = Peer("Redis PUBLISH/SUBSCRIBE", "redis", processes=True, make=make, flag=False)
