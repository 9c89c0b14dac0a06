"""A process that owns an event until it is told how to end: `with Owner(event) as owner: ...; owner.end("SIGKILL")`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.keeper import Keeper, obey
from harness.until import PATIENCE_S

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from tocsin import Event


def _own(kept: list[Event], command: str | None, line: Connection) -> None:
    try:
        kept[0].own(command=command)
    except BaseException as error:
        line.send(error)
        return
    line.send(None)
    obey(kept, line)


class Owner(Keeper):
    def __init__(self, event: Event, command: str | None = "make all") -> None:
        super().__init__("tocsin._event", _own, [event], command)
        if (fault := self._heard()) is not None:
            self.process.join(PATIENCE_S)
            raise fault
