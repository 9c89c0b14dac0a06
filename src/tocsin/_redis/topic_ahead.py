"""Looking out: a thread that waits for one entry sleeps on the connection in front of whoever reads the topic.

It looks through what has come, and takes nothing (`_bus_lookout`).
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tocsin._bus_event import Raw
    from tocsin._bus_lookout import Lookout
    from tocsin._redis.topic_hear import RedisHearing as Base
else:
    Base = object


class RedisLookedOutFor(Base):
    """The side of a topic's handle that lookouts see."""

    _looks_out = True

    def _look_out(self, lookout: Lookout, until: int) -> Raw | None:
        """The first entry that the lookout claims. None: it was called, or nothing came until then. Unreachable."""
        if self._pid != os.getpid():  # in a fork's child the reader begins
            return None
        seen = 0

        def over() -> Any:
            nonlocal seen
            if lookout.is_called() or self._over or self._stopped:
                return True
            if lookout.can_see(self._cursor):
                for first, payloads in self._backlog.rows:
                    if isinstance(payloads, int):
                        continue
                    for number in range(max(first, seen + 1), first + len(payloads)):
                        if (raw := lookout.claim(number, payloads[number - first])) is not None:
                            return raw
                seen = self._backlog.last
            return None

        found = self._ear.wait(over, until, is_first=True)
        return None if found is True else found

    def _call_lookouts(self) -> None:
        ear = self._ear
        with ear.lock:
            ear.turns.rouse()
