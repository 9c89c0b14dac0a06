"""watchdog's observer, whose threads set a threading.Event."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any

from benchmarks.peers import module

from . import Peer

if TYPE_CHECKING:
    from collections.abc import Callable


def check() -> None:
    module("watchdog")


def by_observer(path: str) -> Callable[[], object]:
    events: Any = module("watchdog.events")
    observers: Any = module("watchdog.observers")
    changed = threading.Event()

    class Handler(events.FileSystemEventHandler):  # type: ignore[misc]
        def on_created(self, _event: object) -> None:
            changed.set()

        def on_deleted(self, _event: object) -> None:
            changed.set()

    observer = observers.Observer()
    observer.schedule(Handler(), os.path.dirname(path))
    observer.daemon = True
    observer.start()

    def wait() -> None:
        changed.wait()
        changed.clear()

    return wait


PEERS = [Peer("watchdog", by_observer, check)]
