"""A Redis key: SET and PUBLISH in one round trip; who waits is subscribed, and GETs when something was published."""

from __future__ import annotations

from functools import partial
from typing import Any

from benchmarks.peers import redis_server

from . import Peer, Value, decode, encode


def make(tag: str) -> Value:
    redis = redis_server.client()
    redis.ping()
    subscription: Any = None

    def signal(value: object) -> None:
        pipeline = redis.pipeline(transaction=False)
        pipeline.set(tag, encode(value))
        pipeline.publish(tag, b"")
        pipeline.execute()

    def latest() -> Any:
        return decode(redis.get(tag))

    def wait() -> Any:
        while subscription.get_message(timeout=None)["type"] != "message":
            pass
        return latest()

    def again() -> Value:
        return make(tag)

    subscription = redis.pubsub()
    subscription.subscribe(tag)
    return Value(signal, latest, wait, partial(redis.delete, tag), again)


PEER = Peer("Redis SET, GET, PUBLISH", make)
