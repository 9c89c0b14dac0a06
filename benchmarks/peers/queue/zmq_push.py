"""pyzmq PUSH and PULL over ipc. Each producer binds a socket, each consumer connects to all of them."""

from __future__ import annotations

from itertools import count
from typing import Any

from benchmarks.peers import here, module

from . import JSON, MSGSPEC, Ends, Made, Peer

PATIENCE_MS = 10_000
_numbers = count()


def make(producers: int, _consumers: int) -> Made:
    zmq: Any = module("zmq")
    tag = next(_numbers)

    def address(number: int) -> str:
        return f"ipc://{here()}/zmq-{tag}-{number}"

    def producer(number: int) -> Ends:
        socket = zmq.Context().socket(zmq.PUSH)
        socket.bind(address(number))
        socket.poll(PATIENCE_MS, zmq.POLLOUT)  # a consumer is there
        return Ends(put=socket.send, put_many=socket.send_multipart)

    def consumer(_number: int) -> Ends:
        socket = zmq.Context().socket(zmq.PULL)
        for number in range(producers):
            socket.connect(address(number))
        return Ends(get=socket.recv, get_many=lambda _most: socket.recv_multipart())

    return Made(producer, consumer, lambda: None)


PEERS = (
    Peer("pyzmq PUSH/PULL, json", make, JSON, batches=True),
    Peer("pyzmq PUSH/PULL, msgspec", make, MSGSPEC, batches=True),
)
