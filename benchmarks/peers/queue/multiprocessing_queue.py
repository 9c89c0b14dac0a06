"""multiprocessing.Queue and SimpleQueue: a pipe, locks, pickles; the former with a thread that feeds the pipe."""

from __future__ import annotations

import multiprocessing

from . import MSGSPEC, Ends, Made, Peer


def make(_producers: int, _consumers: int, *, simple: bool = False) -> Made:
    context = multiprocessing.get_context("fork")
    queue = context.SimpleQueue() if simple else context.Queue()

    def drop() -> None:
        if not simple:
            queue.cancel_join_thread()
        queue.close()

    def ends(_number: int) -> Ends:
        return Ends(queue.put, queue.get)

    return Made(ends, ends, drop)


def make_simple(producers: int, consumers: int) -> Made:
    return make(producers, consumers, simple=True)


PEERS = (
    Peer("multiprocessing.Queue", make),
    Peer("multiprocessing.Queue, msgspec", make, MSGSPEC),
    Peer("SimpleQueue", make_simple),
    Peer("SimpleQueue, msgspec", make_simple, MSGSPEC),
)
