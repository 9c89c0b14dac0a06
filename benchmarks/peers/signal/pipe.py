"""A bare pipe: a byte for each listener. Somebody must know how many there are, and none may take two."""

from __future__ import annotations

import os
from functools import partial

from benchmarks.peers.event import Flag

from . import Peer
from .tocsin_signal import nothing


def make(_tag: str, listeners: int) -> Flag:
    reader, writer = os.pipe()

    def drop() -> None:
        os.close(reader)
        os.close(writer)

    return Flag(partial(os.write, writer, b"." * listeners), nothing, nothing, partial(os.read, reader, 1), drop)


PEER = Peer("a pipe", make)
