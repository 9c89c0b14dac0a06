"""What is heard on a bus with a name and matches a pattern, as it comes, for a verb that waits for it."""

from __future__ import annotations

from tocsin import _core, _errors
from tocsin._bus_names import matches
from tocsin._errors import InvalidMessage, Lagged, ObjectDamaged
from tocsin.cli._emits import unpacked
from tocsin.cli._exit import complain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from tocsin._topic import Topic

    Event = dict[str, Any]


class Heard:
    """`next` is resumable: what was lost or can't be read is told on standard error, and it goes on behind it."""

    def __init__(self, verb: str, topic: Topic, pattern: str, timeout: float | None) -> None:
        self._verb = verb
        self._topic = topic
        self._pattern = pattern
        self._timeout = None if timeout is None or timeout == float("inf") else max(0.0, timeout)
        self._was_damaged = False

    def next(self, limit: int) -> list[Event]:
        """One or more, of at most `limit` that are read at once; none: the time is over, and nothing was there by then.

        What was read counts as heard for those who emit with a wait.
        """
        until = -1 if self._timeout is None else _core.now() + int(self._timeout * 1e9)
        last: int | None = None
        while True:
            left = None if until < 0 else max(0.0, (until - _core.now()) / 1e9)
            try:
                found = self._read(limit, left)
            except _errors.Empty:
                return []
            if found:
                return found
            if left == 0:
                # Others' events come and come: what was there when the time was over is looked through, no more.
                last = self._topic.head if last is None else last
                if (self._topic.cursor or 0) >= last:
                    return []

    def _read(self, limit: int, timeout: float | None) -> list[Event]:
        try:
            found = self._topic.read_many(limit, timeout)
        except Lagged as lag:
            lag.add_note("it goes on with the oldest that is left (`tocsin emit --wait` waits for who is slow)")
            complain(self._verb, lag)
            return []
        except ObjectDamaged as error:
            if self._was_damaged:  # twice, and nothing in between: there is no going on behind it
                raise
            self._was_damaged = True
            complain(self._verb, error)
            return []
        self._was_damaged = False
        return [event for sequence, payload in found if (event := self._event(sequence, payload)) is not None]

    def _event(self, sequence: int, payload: bytes) -> Event | None:
        try:
            event = {"sequence": sequence, **unpacked(payload, self._topic)}
        except InvalidMessage as error:
            complain(self._verb, error)
            return None
        return event if matches(self._pattern, event["name"]) else None
