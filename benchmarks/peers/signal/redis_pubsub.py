"""Redis PUBLISH and SUBSCRIBE: each listener has a connection of its own."""

from __future__ import annotations

from functools import partial

from benchmarks.peers import redis_server
from benchmarks.peers.event import Flag

from . import Peer
from .tocsin_signal import nothing


def make(tag: str, listeners: int) -> Flag:
    redis = redis_server.client()
    subscription = redis.pubsub(ignore_subscribe_messages=False)
    subscription.subscribe(tag)
    subscription.get_message(timeout=None)  # the server has heard of it

    def wait() -> None:
        while subscription.get_message(timeout=None)["type"] != "message":
            pass

    return Flag(partial(redis.publish, tag, b""), nothing, nothing, wait, nothing, lambda: make(tag, listeners))


PEER = Peer("Redis PUBLISH/SUBSCRIBE", make)
