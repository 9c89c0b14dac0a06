# cython: language_level=3, freethreading_compatible=True, boundscheck=False, wraparound=False, binding=False
"""What a handler has still to hear: a bounded queue, and what becomes of an emit that finds it full.

"drop_oldest" makes room by dropping, and counts what it dropped. "wait" and "error" reserve a slot before anything is
delivered, so that an emit reaches all of its handlers or, if one refuses, none.

Every emit comes through here twice, so it is compiled: a lock of Python's costs more than all the rest. Each of these
is one step for every other thread. With the GIL it is so because between two lines nothing of Python's runs: no
bytecode, so no signal handler and no switch of threads, and nothing is made that the garbage collector counts, so no
finalizer (what is dropped goes when the step is over). Without the GIL the object is locked for so long. Nothing is
scheduled or called in it.
"""

cimport cython
import sys
from collections import deque

POLICIES = ("drop_oldest", "wait", "error")
#: How many emits a handler may be behind, when nothing is said.
LIMIT = 65_536


def check(policy, limit):
    if policy not in POLICIES:
        raise ValueError(f"bad policy {policy!r}: give one of {', '.join(map(repr, POLICIES))}")
    if isinstance(limit, bool) or not isinstance(limit, int) or limit < 1:
        raise ValueError(f"bad limit {limit!r}: give the number of emits that may wait for a handler, 1 or more")


cdef tell(list waiting):
    """Those who wait for room: try again."""
    if waiting is not None:
        for meeting in waiting:
            meeting.give(True)


cdef class Backlog:
    cdef readonly object pending  # a deque: to be looked at
    cdef readonly str policy
    cdef readonly Py_ssize_t limit
    cdef readonly unsigned long long dropped  # ever
    cdef readonly bint lags  # some of them have not been reported
    cdef unsigned long long told
    cdef Py_ssize_t held  # slots that are reserved and not yet filled
    cdef Py_ssize_t low
    cdef bint drops
    cdef list waiting  # those who wait for room
    cdef object append, popleft

    def __init__(self, policy, limit):
        check(policy, limit)
        self.policy = policy
        self.drops = policy == "drop_oldest"
        self.limit = min(limit, sys.maxsize)
        self.low = self.limit // 2  # those who wait for room are woken together, not one for each event
        self.held = 0
        self.dropped = self.told = 0
        self.pending = deque()
        self.append, self.popleft = self.pending.append, self.pending.popleft

    cdef object enter(self, raw):
        """Put it in: what had to go for it, else None. The caller is in the one step."""
        old = None
        if self.held > 0:
            self.held -= 1
        elif self.drops and len(self.pending) >= self.limit:
            old = self.popleft()
            self.dropped += 1
            self.lags = True
        self.append(raw)
        return old

    def push(self, raw):
        """Put it in. True: there is one more than before, so somebody has to come for it.

        False: it took the place of the oldest, and whoever comes for that one will find the next.
        """
        with cython.critical_section(self):
            old = self.enter(raw)
        return old is None

    def push_many(self, list raws):
        """Put them in, in their order: how many more there are than before."""
        cdef Py_ssize_t more = 0
        for raw in raws:
            with cython.critical_section(self):
                old = self.enter(raw)
            if old is None:
                more += 1
        return more

    def take(self):
        """The oldest; None if there is none."""
        cdef list woken = None
        raw = None
        with cython.critical_section(self):
            if len(self.pending) > 0:
                raw = self.popleft()
                if self.waiting is not None and len(self.pending) + self.held <= self.low:
                    woken, self.waiting = self.waiting, None
        tell(woken)
        return raw

    def take_all(self):
        found = []
        while (raw := self.take()) is not None:
            found.append(raw)
        self.wake()
        return found

    def lagged(self):
        """How many were dropped since this was asked last."""
        cdef unsigned long long missed
        with cython.critical_section(self):
            missed = self.dropped - self.told
            self.told = self.dropped
            self.lags = False
        return missed

    def skip(self, unsigned long long missed):
        """So many were lost before they came here: count them as dropped."""
        with cython.critical_section(self):
            self.dropped += missed
            self.lags = self.lags or missed > 0

    cdef bint got_slot(self, list alone):
        """Reserve a slot, or stand in line with the meeting in `alone`, if any. The caller is in the one step."""
        if len(self.pending) + self.held < self.limit:
            self.held += 1
            return True
        if alone is not None:
            if self.waiting is None:
                self.waiting = alone
            else:
                self.waiting.append(alone[0])
        return False

    def reserve(self, wait=None):
        """Reserve a slot: None. If there is none: what ends when it is worth trying again; without `wait`, Full."""
        cdef bint got
        cdef list alone
        with cython.critical_section(self):
            got = self.got_slot(None)
        if got:
            return None
        if wait is None:
            from tocsin._errors import Full

            raise Full
        meeting = wait()
        alone = [meeting]
        with cython.critical_section(self):
            got = self.got_slot(alone)
        return None if got else meeting

    def force(self):
        """Reserve a slot beyond the limit: for what is going to be reported, not delivered."""
        with cython.critical_section(self):
            self.held += 1

    def release(self):
        """Give a reserved slot back."""
        with cython.critical_section(self):
            self.held -= 1
        self.wake()

    def forget(self, meeting):
        """It won't wait any more."""
        with cython.critical_section(self):
            if self.waiting is not None and meeting in self.waiting:
                self.waiting.remove(meeting)

    def let_all_in(self):
        """Nobody will make room any more: nobody is to wait for it."""
        with cython.critical_section(self):
            self.limit = sys.maxsize
        self.wake()

    cdef wake(self):
        cdef list woken
        with cython.critical_section(self):
            woken, self.waiting = self.waiting, None
        tell(woken)

    def renew(self, *, keep):
        """After fork, in the child: no other thread is here; what is pending is the parent's, unless it is a cursor."""
        self.waiting = None
        self.held = 0
        if not keep:
            self.pending.clear()


cdef class Flag:
    """Up or down. Whoever finds it down and raises it knows it."""

    cdef readonly bint is_up

    def __cinit__(self):
        self.is_up = False

    def up(self):
        """Raise it. False: it was up."""
        cdef bint was
        with cython.critical_section(self):
            was = self.is_up
            self.is_up = True
        return not was

    def down(self):
        with cython.critical_section(self):
            self.is_up = False
