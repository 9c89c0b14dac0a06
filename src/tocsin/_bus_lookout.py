"""Lookout: a thread that waits for one emit at a server sees it come itself, before its bus's reader has it.

Else each wake would be two: of the reader, which the connection wakes, and of who waits, whom the reader wakes. The
lookout takes nothing. What it sees stays for the reader, which deals it to all others; and what it does not see,
because the reader was quicker, the reader gives to its seat, as to any other. Whoever of them takes the seat's claim
has it.
"""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING

import msgspec

from tocsin._bus_known import is_name, matches
from tocsin._bus_reader import decoder
from tocsin._errors import Unreachable

if TYPE_CHECKING:
    from tocsin._bus_event import Raw
    from tocsin._bus_reader import Reader
    from tocsin._bus_wait import Seat


class Lookout:
    """Of one seat, which has joined."""

    __slots__ = ("_gate", "_reader", "_seat", "_topic")

    def __init__(self, reader: Reader, seat: Seat) -> None:
        self._reader = reader
        self._seat = seat
        self._topic = reader.topic
        self._gate = threading.Lock()  # closed until the seat is given something
        self._gate.acquire()

    def call(self) -> None:
        """By whoever gave the seat something."""
        self._gate.release()
        self._topic._call_lookouts()

    def is_called(self) -> bool:
        return not self._gate.locked()

    def look(self, until: int) -> Raw | None:
        """What it saw, and has claimed; None: it was called, the deadline has passed, or it can't see any more."""
        with contextlib.suppress(Unreachable):  # the reader says so, or who asks at the deadline what the trouble was
            return self._topic._look_out(self, until)
        return None

    def await_call(self, timeout: float) -> bool:
        return self._gate.acquire(timeout=timeout)

    def can_see(self, cursor: int | None) -> bool:
        """Is all of which the reader has taken dealt? Else what comes next for the seat may be among that."""
        return cursor == self._reader.dealt

    def claim(self, number: int, payload: bytes) -> Raw | None:
        """Is this emit what is waited for?"""
        seat = self._seat
        if number < self._reader.young.get(seat, 0):
            return None
        try:
            raw: Raw = decoder.decode(payload)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):  # the reader tells
            return None
        if not (matches(seat.pattern, raw[0]) and is_name(raw[0])):
            return None
        return raw if seat.claim() else None
