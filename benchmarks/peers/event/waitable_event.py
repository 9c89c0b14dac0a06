"""bacpypes' WaitableEvent: a pipe in an asyncore dispatcher. Needs asyncore, or pyasyncore since Python 3.12."""

from __future__ import annotations

import warnings
from typing import Any

from benchmarks.peers import module

from . import Flag, Peer


def make(_tag: str) -> Flag:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # asyncore, asynchat: known, and not ours to mend
        bacpypes: Any = module("bacpypes.event")
    event = bacpypes.WaitableEvent()
    # close() takes the dispatcher out of asyncore's map, which otherwise keeps it for ever. It closes the read
    # end too, but so does __del__: the peer's own leak of descriptors is left as it is.
    return Flag(event.set, event.clear, event.isSet, event.wait, event.del_channel)


PEER = Peer("WaitableEvent", "bacpypes", processes=True, make=make)
