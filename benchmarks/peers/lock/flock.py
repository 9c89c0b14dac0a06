"""fcntl.flock on a file that stays open: the least that a file lock can cost."""

from __future__ import annotations

import fcntl
import os

from benchmarks.peers import here

from . import Held, Peer


def make(tag: str) -> Held:
    fd = os.open(f"{here()}/{tag}.flock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    flock, take, give = fcntl.flock, fcntl.LOCK_EX, fcntl.LOCK_UN
    return Held(lambda: flock(fd, take), lambda: flock(fd, give), lambda: os.close(fd), lambda: make(tag))


PEER = Peer("fcntl.flock", make)
