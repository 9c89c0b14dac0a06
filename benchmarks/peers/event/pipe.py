"""A pipe, used as an event: a byte in it means set, and looking doesn't take it out. One setter at a time."""

from __future__ import annotations

import os
import select
from functools import partial

from . import Flag, Peer


def make(_tag: str) -> Flag:
    reader, writer = os.pipe()
    poll = select.poll()
    poll.register(reader, select.POLLIN)

    def drop() -> None:
        os.close(reader)
        os.close(writer)

    return Flag(partial(os.write, writer, b"1"), partial(os.read, reader, 1), partial(poll.poll, 0), poll.poll, drop)


PEER = Peer("a pipe", None, processes=True, make=make)
