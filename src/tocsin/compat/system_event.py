"""The `SystemEvent` package's class: an event for every process that knows its name.

    from tocsin.compat.system_event import SystemEvent     # was: from SystemEvent import SystemEvent

What is better and what differs: docs/from-the-seeds/system_event.md.
"""

from __future__ import annotations

from contextlib import suppress

from tocsin._errors import ConfigMismatch
from tocsin._event import Event
from tocsin._place import is_far, peek, resolve

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["SystemEvent"]

#: The seed put this before every name, to keep out of other programs' semaphores. A place does that for tocsin, so
#: under this prefix the name stands alone, and `evt_set x` in a shell and `Event("x")` mean the same object.
_DEFAULT_PREFIX = "SystemEvent."

#: Bits of a mode that let others write: who asks for one of them has accepted that others can write.
_OTHERS_WRITE = 0o022


class SystemEvent(Event):
    """A named event with the seed's constructor; in everything else it is a `tocsin.Event`.

    Caveat: names are tocsin's, which are fewer than `sem_open` takes: `ValueError` says what is wrong with one. Fix:
    choose another; letters, digits, `.`, `_`, `-`, and `/` between parts will do.

    `SystemEvent("x")` is what `evt_set x` and `Event("x")` see, at `TOCSIN_AT`, else in the user's place. Another
    `prefix` means the name `prefix + name`. `mode` is for the one who makes it, whatever the umask; one that exists is
    taken as it is.
    """

    def __init__(self, name: str, prefix: str = _DEFAULT_PREFIX, mode: int = 0o666) -> None:
        full = prefix + name  # first, so that what isn't text is the TypeError that it was; None isn't "anonymous" here
        self._adopt(name if prefix == _DEFAULT_PREFIX else full, None, mode, 0.0)

    def _adopt(self, name: str, at: str | None, mode: int, spin: float) -> None:
        """Make it with `mode`, or take the one that is there with whatever mode it has, as `sem_open` does."""
        while True:
            with suppress(ConfigMismatch):
                Event.__init__(self, name, at=at, mode=mode, spin=spin)
                return
            # It is there with another mode. Root has to name the mode of what others can write; this caller did
            # accept such modes, or didn't. Gone or replaced between two looks: start again, so that nothing is ever
            # made with a mode that nobody asked for.
            with suppress(ConfigMismatch, FileNotFoundError):
                there = is_far(name, at)  # whose login decides who may write
                found = peek(resolve(name, at), name, at)["mode"] if mode & _OTHERS_WRITE and not there else None
                Event.__init__(self, name, at=at, mode=found, create=False, spin=spin)
                return

    def __reduce__(self) -> tuple[Any, ...]:
        # Event's own says how to call Event; this class's __init__ has other arguments.
        _, (kind, name, at, _mode, spin) = super().__reduce__()
        return _reopen, (kind, name, at, self.stats().mode, spin)


def _reopen(kind: type[SystemEvent], name: str, at: str, mode: int, spin: float) -> SystemEvent:
    event = kind.__new__(kind)
    event._adopt(name, at, mode, spin)
    return event
