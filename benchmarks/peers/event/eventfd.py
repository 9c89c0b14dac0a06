"""An eventfd, used as an event: a count above zero means set."""

from __future__ import annotations

import os
import select
from functools import partial

from . import Flag, Peer


def make(_tag: str) -> Flag:
    fd = os.eventfd(0)
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    set_, clear = partial(os.eventfd_write, fd, 1), partial(os.eventfd_read, fd)
    return Flag(set_, clear, partial(poll.poll, 0), poll.poll, partial(os.close, fd))


PEER = Peer("an eventfd", None, processes=True, make=make)
