"""watchpoint, call for call: directories that say how far independent processes have come.

    from tocsin.compat.watchpoint import Watchpoint, WatchpointHandler      # was: from watchpoint import ...

A `tocsin.WatchpointHandler`, which waits as well. What differs is listed in docs/from-the-seeds/watchpoint.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tocsin._watchpoint import Watchpoint
from tocsin._watchpoint import WatchpointHandler as _Handler

if TYPE_CHECKING:
    from tocsin._watchpoint import Key

__all__ = ["Watchpoint", "WatchpointHandler"]


class WatchpointHandler(_Handler):
    """The seed's handler: `create`, `exists`, `remove` by key. The first and the last answer nothing."""

    def create(self, key: Key) -> None:  # type: ignore[override]
        """Make the marker and the directories above it; one that is there already is fine."""
        super().create(key)

    def remove(self, key: Key) -> None:  # type: ignore[override]
        """Remove the marker; the directories above it stay. One that is not there is fine."""
        super().remove(key)
