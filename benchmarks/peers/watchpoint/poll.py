"""A loop of os.path.isdir and a nap of 50 ms."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from . import Peer

if TYPE_CHECKING:
    from collections.abc import Callable

NAP_S = 0.05


def by_looking(path: str) -> Callable[[], object]:
    there = os.path.isdir(path)

    def wait() -> None:
        nonlocal there
        while os.path.isdir(path) == there:
            time.sleep(NAP_S)
        there = not there

    return wait


PEERS = [Peer("a poll each 50 ms", by_looking, slow=True)]
