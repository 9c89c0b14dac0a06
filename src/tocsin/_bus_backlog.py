"""What a handler has still to hear: a bounded queue, and what becomes of an emit that finds it full.

"drop_oldest" makes room by dropping, and counts what it dropped. "wait" and "error" reserve a slot before anything is
delivered, so that an emit reaches all of its handlers or, if one refuses, none.

The lock is held for a few steps on a deque, never while anything is scheduled or called. It is one that its own thread
may take again, because a signal handler may emit, too.
"""

from __future__ import annotations

import sys
import threading
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from tocsin._bus_event import Raw
    from tocsin._bus_meeting import Meeting

POLICIES = ("drop_oldest", "wait", "error")
#: How many emits a handler may be behind, when nothing is said.
LIMIT = 65_536


def check(policy: object, limit: object) -> None:
    if policy not in POLICIES:
        raise ValueError(f"bad policy {policy!r}: give one of {', '.join(map(repr, POLICIES))}")
    if isinstance(limit, bool) or not isinstance(limit, int) or limit < 1:
        raise ValueError(f"bad limit {limit!r}: give the number of emits that may wait for a handler, 1 or more")


class Backlog:
    __slots__ = ("dropped", "held", "limit", "lock", "low", "pending", "policy", "told", "waiting")

    def __init__(self, policy: str, limit: int) -> None:
        check(policy, limit)
        self.policy = policy
        self.limit = limit
        self.low = limit // 2  # those who wait for room are woken together, not one for each event
        self.pending: deque[Raw] = deque()
        self.dropped = 0  # ever; `told` of them have been reported
        self.told = 0
        self.held = 0  # slots that are reserved and not yet filled
        self.waiting: list[Meeting] = []  # those who wait for room
        self.lock = threading.RLock()

    def push(self, raw: Raw) -> bool:
        """Put it in. True: there is one more than before, so somebody has to come for it.

        False: it took the place of the oldest, and whoever comes for that one will find the next.
        """
        with self.lock:
            pending = self.pending
            if self.held:
                self.held -= 1
            elif len(pending) >= self.limit and self.policy == "drop_oldest":
                pending.popleft()
                self.dropped += 1
                pending.append(raw)
                return False
            pending.append(raw)
            return True

    def take(self) -> Raw | None:
        with self.lock:
            pending = self.pending
            if not pending:
                return None
            raw = pending.popleft()
            if not self.waiting or len(pending) + self.held > self.low:
                return raw
            woken = self._woken()
        for meeting in woken:
            meeting.give(True)
        return raw

    def take_all(self) -> list[Raw]:
        with self.lock:
            found = list(self.pending)
            self.pending.clear()
            woken = self._woken()
        for meeting in woken:
            meeting.give(True)
        return found

    def lagged(self) -> int:
        """How many were dropped since this was asked last."""
        with self.lock:
            missed = self.dropped - self.told
            self.told = self.dropped
            return missed

    def reserve(self, wait: Callable[[], Meeting] | None = None) -> Meeting | None:
        """Reserve a slot: None. If there is none: what ends when it is worth trying again; without `wait`, Full."""
        with self.lock:
            if len(self.pending) + self.held < self.limit:
                self.held += 1
                return None
            if wait is None:
                from tocsin._errors import Full

                raise Full
            meeting = wait()
            self.waiting.append(meeting)
            return meeting

    def force(self) -> None:
        """Reserve a slot beyond the limit: for what is going to be reported, not delivered."""
        with self.lock:
            self.held += 1

    def release(self) -> None:
        """Give a reserved slot back."""
        with self.lock:
            self.held -= 1
            woken = self._woken()
        for meeting in woken:
            meeting.give(True)

    def forget(self, meeting: Meeting) -> None:
        """It won't wait any more."""
        with self.lock:
            if meeting in self.waiting:
                self.waiting.remove(meeting)

    def let_all_in(self) -> None:
        """Nobody will make room any more: nobody is to wait for it."""
        with self.lock:
            self.limit = sys.maxsize
            woken = self._woken()
        for meeting in woken:
            meeting.give(True)

    def _woken(self) -> list[Meeting]:
        woken, self.waiting = self.waiting, []
        return woken

    def renew(self, *, keep: bool) -> None:
        """After fork, in the child: no other thread is here; what is pending is the parent's, unless it is a cursor."""
        self.lock = threading.RLock()
        self.waiting = []
        self.held = 0
        if not keep:
            self.pending.clear()
