"""Ctrl-C and SIGTERM, where they do no harm.

A KeyboardInterrupt could come between the birth of a child and the line that remembers it. So the handler
only sets an anonymous event: the pipeline finds its descriptor readable, and a loop asks it now and then.
"""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tocsin import Event

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopped(Exception):
    """A signal asked for the end."""

    def __init__(self, number: int) -> None:
        super().__init__(f"stopped by {signal.Signals(number).name}; nothing is left behind")
        self.exit_code: int = 128 + number


class Stop:
    def __init__(self) -> None:
        self.event: Event = Event()
        self._number = signal.SIGINT.value

    def __call__(self, number: int, _frame: FrameType | None) -> None:
        self._number = number
        self.event.set()

    def check(self) -> None:
        if self.event.is_set():
            raise Stopped(self._number)


@contextmanager
def stopping() -> Iterator[Stop]:
    """The signals set the event instead of doing what they did; afterwards they do that again."""
    stop = Stop()
    before = {}
    if threading.current_thread() is threading.main_thread():  # elsewhere no handler can be put in
        before = {number: signal.signal(number, stop) for number in SIGNALS}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        stop.event.close()
