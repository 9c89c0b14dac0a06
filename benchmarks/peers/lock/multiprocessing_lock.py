"""multiprocessing.Lock: between relatives; stays locked when its holder is killed."""

from __future__ import annotations

import multiprocessing

from . import Held, Peer


def make(_tag: str) -> Held:
    lock = multiprocessing.Lock()
    return Held(lock.acquire, lock.release, lambda: None)


PEER = Peer("multiprocessing.Lock", make)
