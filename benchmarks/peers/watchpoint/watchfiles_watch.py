"""watchfiles.watch: with what it comes with, and with the shortest times that it takes."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING, Any

from benchmarks.peers import module

from . import Peer

if TYPE_CHECKING:
    from collections.abc import Callable


def check() -> None:
    module("watchfiles")


def by_default(path: str) -> Callable[[], object]:
    found: Any = module("watchfiles")
    return partial(next, found.watch(os.path.dirname(path)))


def tuned(path: str) -> Callable[[], object]:
    found: Any = module("watchfiles")
    return partial(next, found.watch(os.path.dirname(path), debounce=1, step=1))


PEERS = [Peer("watchfiles, tuned", tuned, check), Peer("watchfiles", by_default, check, slow=True)]
