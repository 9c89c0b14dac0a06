"""Queues. Each peer says how its queue is made, and opened in a process that puts or gets.

The verbs of `Ends` are whatever the peer itself calls them, bound and unwrapped wherever it has them; the measured
loops call a peer as its user would. A peer that carries bytes is measured with json and with msgspec, in the
loop itself, so that codecs don't decide.
"""

from __future__ import annotations

import dataclasses
import json
from importlib import import_module
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@dataclasses.dataclass(frozen=True)
class Ends:
    """A queue as one process holds it."""

    put: Callable[[Any], object] | None = None
    get: Callable[[], Any] | None = None  # blocks
    put_many: Callable[[list[Any]], object] | None = None
    get_many: Callable[[int], list[Any]] | None = None  # blocks for the first, takes what else is there


@dataclasses.dataclass(frozen=True)
class Made:
    """A queue that some processes can open; the number is that of the producer or consumer."""

    producer: Callable[[int], Ends]
    consumer: Callable[[int], Ends]
    drop: Callable[[], object]


@dataclasses.dataclass(frozen=True)
class Codec:
    """What turns an item into bytes and back, where the queue itself doesn't."""

    name: str
    encode: Callable[[Any], bytes]
    decode: Callable[[bytes], Any]


JSON = Codec("json", lambda item: json.dumps(item).encode(), json.loads)
MSGSPEC = Codec("msgspec", msgspec.json.Encoder().encode, msgspec.json.Decoder().decode)


@dataclasses.dataclass(frozen=True)
class Peer:
    """A kind of queue, with a codec."""

    name: str
    make: Callable[[int, int], Made]  # for so many producers and consumers; raises Absent
    codec: Codec | None = None  # None: it takes any item
    itself: bool = False  # the item is encoded once, beforehand: what the queue costs without a codec
    many_to_many: bool = True  # more than one producer or consumer
    batches: bool = False
    slow: bool = False  # thousands of items a second, not hundreds of thousands
    spins: bool = False  # its consumer never sleeps


FILES = (
    "tocsin_queue", "multiprocessing_queue", "faster_fifo_queue", "zmq_push", "pipe", "redis_list", "persist_queue",
    "lite_queue", "jk_queue",
)


def all_peers() -> Iterator[Peer]:
    """Everyone, ours first."""
    for file in FILES:
        yield from import_module(f"{__name__}.{file}").PEERS
