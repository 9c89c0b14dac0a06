"""What Signal and DataEvent have in common on a server: a count that only grows, and a handle's own cursor in it."""

from __future__ import annotations

import contextlib
import errno
from typing import TYPE_CHECKING, Any

from tocsin._errors import ObjectRemoved
from tocsin._redis.handle import RedisHandle

if TYPE_CHECKING:
    from tocsin._redis.steps import Steps


class RedisCursor(RedisHandle):
    """The mix-in. `_fields` is the one field that counts; `_count` what is known of it, `_cursor` what was had.

    The cursor moves under the ear's lock, so that of two threads each thing is one's. A handler of a signal holds that
    lock as well: so nothing is called in those steps, because Python runs handlers between calls.
    """

    _count = 0
    _cursor = 0

    def _config(self, *_more: Any) -> dict[str, Any]:
        return {self._fields[0]: (None, 0)}

    # -- what is known

    def _know(self, found: list[Any], *, anew: bool = False) -> None:
        count = int(found[0])
        if anew or count > self._count:
            self._count = count

    def _refresh(self, until: int) -> None:
        had = self._cursor
        found = self._ask(self._asking, until)
        if found[0] != self._id:
            self._finish(-errno.EIDRM)
            return
        self._take_in(found[1], found[2:], anew=True)
        count = int(found[2])
        if count < had:  # it was had before the question, so the server has forgotten some
            with self._ear.lock:
                if count < self._cursor:  # noqa: PLR1730 - no calls here
                    self._cursor = count

    def _look_there_steps(self, until: int = -1) -> Steps[list[Any]]:
        known = self._count
        return self._compared((yield from super()._look_there_steps(until)), known)

    def _compared(self, found: list[Any], known: int) -> list[Any]:
        """`found[0]` is less than what was known before the question: the server has forgotten some (a failover)."""
        if int(found[0]) < known:
            self._refresh(0)
        return found

    def _ticket_of(self, side: int) -> int:  # noqa: ARG002
        return self._count

    def _ready(self) -> bool:
        return self._count > self._cursor

    def _now(self) -> int:
        """The present count; of a removed object, the last that is known."""
        count = 0
        with contextlib.suppress(ObjectRemoved):
            count = int(self._look_there()[0])
        self._show()
        return max(count, self._count)
