"""The `SystemEvent` package's class: an event for every process that knows its name.

    from tocsin.compat.system_event import SystemEvent     # was: from SystemEvent import SystemEvent

What is better and what differs: docs/from-the-seeds/system_event.md.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from tocsin._errors import ConfigMismatch
from tocsin._event import Event

__all__ = ["SystemEvent"]

#: The seed put this before every name, to keep out of other programs' semaphores. A place does that for tocsin, so
#: under this prefix the name stands alone, and `evt_set x` in a shell and `Event("x")` mean the same object.
_DEFAULT_PREFIX = "SystemEvent."


class SystemEvent(Event):
    """A named event with the seed's constructor; in everything else it is a `tocsin.Event`.

    Caveat: names are tocsin's, which are fewer than `sem_open` takes: `ValueError` says what is wrong with one. Fix:
    choose another; letters, digits, `.`, `_`, `-`, and `/` between parts will do.

    `SystemEvent("x")` is what `evt_set x` and `Event("x")` see, at `TOCSIN_AT`, else in the user's place. Another
    `prefix` means the name `prefix + name`. `mode` is for the one who makes it, whatever the umask; one that exists is
    taken as it is.
    """

    def __init__(self, name: str, prefix: str = _DEFAULT_PREFIX, mode: int = 0o666) -> None:
        full = name if prefix == _DEFAULT_PREFIX else prefix + name
        while True:
            try:
                super().__init__(full, mode=mode)
            except ConfigMismatch:
                # It exists, with another mode; the seed's sem_open looked at the mode only when it made something.
                # If it was removed meanwhile it must not be made with a mode that nobody asked for: start again.
                with suppress(FileNotFoundError):
                    super().__init__(full, create=False)
                    return
            else:
                return

    def __reduce__(self) -> tuple[Any, ...]:
        # Event's own says how to call Event; this class's __init__ has other arguments.
        _, (kind, *rest) = super().__reduce__()
        return _reopen, (kind, *rest)


def _reopen(kind: type[SystemEvent], name: str, at: str, spin: float) -> SystemEvent:
    event = kind.__new__(kind)
    Event.__init__(event, name, at=at, spin=spin)
    return event
