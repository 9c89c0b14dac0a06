"""tocsin.Queue, by name: each process opens it, as an unrelated process would."""

from __future__ import annotations

import os
from functools import partial
from itertools import count
from typing import Any

from benchmarks.peers import here
from tocsin import Queue

from . import MSGSPEC, Ends, Made, Peer

_names = count()


def queue(name: str, **options: Any) -> Queue[Any]:
    return Queue(name, at=here(), **options)


def open_queue(name: str, codec: str, _number: int = 0) -> Ends:
    opened = queue(name, codec=codec)
    return Ends(opened.put, opened.get, opened.put_many, opened.get_many)


def make(codec: str, _producers: int, _consumers: int) -> Made:
    name = f"queue-{os.getpid()}-{next(_names)}"
    made = queue(name, codec=codec)

    def drop() -> None:
        made.unlink()
        made.close()

    each = partial(open_queue, name, codec)
    return Made(each, each, drop)


PEERS = (
    Peer("tocsin.Queue", partial(make, "json"), batches=True),
    Peer("tocsin.Queue, raw bytes", partial(make, "raw"), MSGSPEC, itself=True, batches=True),
)
