"""The one place in which tests wait for time to pass."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

#: A watchdog, not a measure: whatever takes longer hangs, also on a busy machine.
PATIENCE_S = 180.0


def until(condition: Callable[[], object], what: str, limit: float = PATIENCE_S) -> None:
    """Return as soon as `condition()` is true. Fails, and says what did not come, when it never is."""
    end = time.monotonic() + limit
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"waited {limit} s in vain until {what}")
        time.sleep(0.0002)


def age(seconds: float) -> None:
    """Let time pass where age itself is what is tested (a look that is over a second old)."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        time.sleep(left)
