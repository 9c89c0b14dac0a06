"""multiprocessing.Manager: a server process that holds the value. It can be asked, not waited for."""

from __future__ import annotations

import multiprocessing
from functools import partial

from . import Peer, Value


def make(_tag: str) -> Value:
    manager = multiprocessing.get_context("fork").Manager()
    values = manager.dict()
    return Value(partial(values.__setitem__, "value"), partial(values.__getitem__, "value"), None, manager.shutdown)


PEER = Peer("multiprocessing.Manager", make, waits=False)
