"""Buses between processes. A peer has two halves: one hears, one emits; all encode the same thing with msgspec."""

from __future__ import annotations

import dataclasses
import threading
from itertools import count
from typing import TYPE_CHECKING, Any

from benchmarks.peers import here, module, redis_server
from tocsin import Bus

if TYPE_CHECKING:
    from collections.abc import Callable

_numbers = count()
PATIENCE_MS = 10_000


@dataclasses.dataclass(frozen=True)
class Between:
    """`listen(tag, callback)` gives a call that hears a number of emits; `emitter(tag)` gives `emit(item)`."""

    name: str
    listen: Callable[[str, Callable[[Any], object]], Callable[[int], object]]
    emitter: Callable[[str], Callable[[Any], object]]


def ours_listen(tag: str, callback: Callable[[Any], object]) -> Callable[[int], object]:
    bus = Bus(tag, at=here(), max_bytes=256 << 20)
    left = 0
    done = threading.Event()

    def heard(item: Any) -> None:
        nonlocal left
        callback(item)
        left -= 1
        if left == 0:
            done.set()

    bus.register("event", heard, limit=10**9)

    def hear(number: int) -> None:
        nonlocal left
        done.clear()
        left += number
        if left > 0:
            done.wait()

    return hear


def ours_emitter(tag: str) -> Callable[[Any], object]:
    bus = Bus(tag, at=here(), max_bytes=256 << 20)
    emit = bus.emit
    return lambda item: emit("event", (item,))


def zmq_listen(tag: str, callback: Callable[[Any], object]) -> Callable[[int], object]:
    import msgspec

    zmq: Any = module("zmq")
    socket = zmq.Context().socket(zmq.SUB)
    socket.set_hwm(0)  # nothing is dropped
    socket.bind(f"ipc://{here()}/zmq-{tag}")
    socket.subscribe(b"")
    decode = msgspec.json.Decoder().decode

    def hear(number: int) -> None:
        for _ in range(number):
            callback(decode(socket.recv())[1][0])

    return hear


def zmq_emitter(tag: str) -> Callable[[Any], object]:
    import msgspec

    zmq: Any = module("zmq")
    socket = zmq.Context().socket(zmq.XPUB)  # a PUB that is told who subscribes
    socket.set_hwm(0)
    socket.connect(f"ipc://{here()}/zmq-{tag}")
    socket.poll(PATIENCE_MS)
    socket.recv()
    encode = msgspec.json.Encoder().encode
    return lambda item: socket.send(encode(["event", [item], {}]))


def redis_listen(tag: str, callback: Callable[[Any], object]) -> Callable[[int], object]:
    import msgspec

    subscription = redis_server.client().pubsub(ignore_subscribe_messages=False)
    subscription.subscribe(tag)
    subscription.get_message(timeout=None)
    decode = msgspec.json.Decoder().decode

    def hear(number: int) -> None:
        while number:
            message = subscription.get_message(timeout=None)
            if message["type"] == "message":
                callback(decode(message["data"])[1][0])
                number -= 1

    return hear


def redis_emitter(tag: str) -> Callable[[Any], object]:
    import msgspec

    publish = redis_server.client().publish
    encode = msgspec.json.Encoder().encode
    return lambda item: publish(tag, encode(["event", [item], {}]))




PEERS = (
    Between("tocsin.Bus", ours_listen, ours_emitter),
    Between("pyzmq PUB/SUB, msgspec", zmq_listen, zmq_emitter),
    Between("Redis PUBLISH/SUBSCRIBE, msgspec", redis_listen, redis_emitter),
)


def tag() -> str:
    return f"between-{next(_numbers)}"
