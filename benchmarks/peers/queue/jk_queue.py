"""jk_interprocesssync's JSONDataQueue on the RAM disk: a file per item, and a consumer that spins. The fourth seed."""

from __future__ import annotations

from itertools import count
from pathlib import Path
from typing import Any

from benchmarks.peers import here, module

from . import Ends, Made, Peer

_numbers = count()


def make(_producers: int, _consumers: int) -> Made:
    module("jk_interprocesssync.fs")
    path = Path(here(), f"jk-{next(_numbers)}")
    path.mkdir()

    def ends(_number: int) -> Ends:
        fs: Any = module("jk_interprocesssync.fs")
        queue = fs.JSONDataQueue(str(path))
        return Ends(queue.put, queue.getG().__next__)

    def drop() -> None:
        for item in path.iterdir():
            item.unlink()
        path.rmdir()

    return Made(ends, ends, drop)


PEERS = (Peer("jk JSONDataQueue", make, slow=True, spins=True),)
