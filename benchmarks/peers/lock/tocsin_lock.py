"""tocsin.Lock, by name: each process opens it, as an unrelated process would."""

from __future__ import annotations

from benchmarks.peers import here
from tocsin import Lock

from . import Held, Peer


def make(tag: str) -> Held:
    lock = Lock(tag, at=here())

    def drop() -> None:
        lock.unlink()
        lock.close()

    return Held(lock.acquire, lock.release, drop, lambda: make(tag))


PEER = Peer("tocsin.Lock", make)
