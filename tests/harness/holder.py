"""A process that holds a lock until it is told how to end: `with Holder(lock) as holder: holder.end("SIGKILL")`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.keeper import Keeper, obey

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from tocsin import Lock


def _hold(kept: list[Lock], line: Connection) -> None:
    import warnings

    warnings.simplefilter("ignore", ResourceWarning)
    line.send(kept[0].acquire())
    obey(kept, line)


class Holder(Keeper):
    def __init__(self, lock: Lock) -> None:
        super().__init__("tocsin._lock", _hold, [lock])
        assert self._heard() is True
