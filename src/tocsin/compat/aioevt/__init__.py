"""The `aioevt` package's manager: events by name, for callbacks on asyncio loops of any thread.

    from tocsin.compat import aioevt      # was: import aioevt

What is better and what differs: docs/from-the-seeds/aioevt.md.
"""

from __future__ import annotations

from tocsin.compat.aioevt.event import Data, Event, Evt, EvtData
from tocsin.compat.aioevt.manager import Manager

name = "aioevt"
version: tuple[int, int, int] = (2, 2, 1)  # the one whose interface this is

__version__ = ".".join(map(str, version))

__all__ = ["Data", "Event", "Evt", "EvtData", "Manager", "name", "version"]
