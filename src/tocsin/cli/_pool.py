"""The pool of `tocsin work`: one process and one wait, for items, for ends of commands and for signals.

An item is in hand from its receive until its command has ended and was reaped. However slow that is, it is nobody
else's; and it is given back by nobody but us, or by our death.
"""

from __future__ import annotations

import os
import select
import time

from tocsin import _core, _errors
from tocsin._wait_set import WaitSet
from tocsin.cli._asked import Asked, end_like
from tocsin.cli._errand import Errand, NotStarted, is_roomy
from tocsin.cli._exit import FAILED, OK, Failure, complain

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal
    from typing import Any

    from tocsin._delivery import Delivery
    from tocsin._queue import Queue
    from tocsin.cli._bar import Bar
    from tocsin.cli._errand import Command
else:
    import _signal

_NEVER = float("inf")
_AGAIN = 0.5  # seconds between questions to a server that doesn't answer


class Terms:
    """How the work is done. Times are in seconds."""

    def __init__(self, *, jobs: int, timeout: float | None, grace: float, delay: float, until_empty: bool) -> None:
        self.jobs = jobs or len(os.sched_getaffinity(0))
        self.timeout = float("inf") if timeout is None else timeout
        self.grace = grace
        self.delay = delay
        self.until_empty = until_empty


class Pool:
    def __init__(self, verb: str, queue: Queue[Any], command: Command, terms: Terms, bar: Bar | None) -> None:
        self._verb = verb
        self._queue = queue
        self._command = command
        self._terms = terms
        self._bar = bar
        self._asked = Asked()
        self._set = WaitSet([self._asked.fd])
        self._at_work: dict[int, Errand] = {}  # by descriptor
        self._pending: Delivery[Any] | None = None  # there was no room for its process
        self._bad: set[int] = set()  # items of which the last that was done here was to fail
        self._look = _NEVER  # when to look at a queue that isn't waited for
        self._silent_since = 0  # ns: the queue's server has answered nothing that we asked. 0: it has
        self._taking = True
        self._asked_to_drain = False
        self._ends_by: int | None = None
        self._code = OK  # worse than what items do to it
        self.done = self.failed = self.put_aside = 0

    def work(self) -> int:
        try:
            while True:
                self._heed()
                if self._taking:
                    self._take()
                if not self._taking and not self._at_work:
                    break
                self._draw()
                for ready in self._wait():
                    errand = self._at_work.get(ready) if type(ready) is int else None
                    if errand is not None:
                        self._ended(errand)
                self._lose_patience()
        finally:
            # Whatever brought us here: what is in hand goes back when the queue is closed, and not before this.
            for errand in self._at_work.values():
                errand.kill()
                errand.end()
            if self._bar is not None:
                self._bar.finish(self)
        if self._ends_by is not None:
            return end_like(self._ends_by)
        return self._code or (FAILED if self._bad else OK)

    # -- for the bar

    @property
    def in_hand(self) -> int:
        return len(self._at_work)

    @property
    def is_draining(self) -> bool:
        return not self._taking

    def left(self) -> int | None:
        try:
            found = self._queue._figures()
        except Exception:  # noqa: BLE001 - closed by whatever went wrong: those who take will hear of it
            return None
        return int(found["ready"] + found["delayed"])

    def _draw(self) -> None:
        if self._bar is not None:
            self._bar.draw(self)

    def _say(self, error: Exception) -> int:
        if self._bar is not None:
            self._bar.clear()
        return complain(self._verb, error)

    # -- items

    def _take(self) -> None:
        """As many as may be worked on; the queue is waited for only if more may be."""
        try:
            self._take_some()
        except _errors.Unreachable as error:
            self._bear(error)
        except Exception as error:  # noqa: BLE001 - whatever it is, what is in hand is finished first
            self._fail(error)

    def _take_some(self) -> None:
        self._look = _NEVER
        while self._taking and len(self._at_work) < self._terms.jobs:
            if self._asked.came:  # items that can't be started come back at once, and this might go on for long
                return
            if self._at_work and not is_roomy(self._asked.fd):  # the end of a command makes room
                break
            delivery, self._pending = self._pending, None
            try:
                delivery = delivery or self._queue.receive(0)
            except _errors.Empty:
                self._nothing_there(ends=self._terms.until_empty)
                return
            except _errors.ShutDown:
                self._nothing_there(ends=True)
                return
            self._silent_since = 0
            self._start(delivery)
            if self._pending is not None:
                break
        self._set.discard(self._queue)

    def _nothing_there(self, *, ends: bool) -> None:
        """Is this the end, or may something come back: from us, from others who may die, or because its time comes?"""
        self._silent_since = 0
        found = self._queue._figures()  # not stats(), whose class costs a quarter of our start
        # Ready: it came back since we asked for it.
        if ends and not (self._at_work or found["ready"] or found["delayed"] or found["held"]):
            self._taking = False
            return
        if found["shut"]:  # it would ring all the time
            self._set.discard(self._queue)
        else:
            self._set.add(self._queue)
        if ends or found["shut"]:  # that others are done rings nothing here, nor does a shut queue's return
            self._look = self._queue._due() / 1e9  # on the same clock; the library's own look for the dead

    def _bear(self, error: _errors.Unreachable) -> None:
        """The queue's server doesn't answer: it may soon, and commands end meanwhile. Without patience it is lost."""
        far: Any = self._queue
        self._silent_since = self._silent_since or _core.now()
        if not far._has_patience(self._silent_since):
            self._fail(error)
            return
        self._set.add(self._queue)
        self._look = time.monotonic() + _AGAIN

    def _start(self, delivery: Delivery[Any]) -> None:
        try:
            pid, fd = self._command.start(delivery)
        except NotStarted as error:
            if error.is_passing and self._at_work:
                self._pending = delivery
                return
            self._give_back(delivery, str(error))
            if error.code is not None:
                self._take_no_more(error.code)
            return
        errand = Errand(delivery, pid, fd, self._terms.timeout, self._command.guard)
        try:
            self._set.add(fd)
        except BaseException:  # its end would be seen by nobody
            errand.kill()
            errand.end()
            raise
        self._at_work[fd] = errand

    def _ended(self, errand: Errand) -> None:
        del self._at_work[errand.fd]
        self._set.discard(errand.fd)
        code = errand.end()
        if code == 0 and errand.told is None:
            try:
                errand.delivery.ack()
            except Exception as error:  # noqa: BLE001 - as in _take
                self._fail(error)
            else:
                self.done += 1
                self._bad.discard(errand.delivery.sequence)
            return
        if self._ends_by is None and _nobody_reads():
            # It failed because of us, and so would all the others.
            self._ends_by = _signal.SIGPIPE
            self._take_no_more(OK)
        reason = f"{self._command.program} {errand.reason(code, self._terms.timeout)}"
        self._give_back(errand.delivery, reason, quietly=self._ends_by is not None)

    def _give_back(self, delivery: Delivery[Any], reason: str, *, quietly: bool = False) -> None:
        limit = self._queue._limit
        is_last = 0 < limit <= delivery.attempt
        self._bad.add(delivery.sequence)
        try:
            delivery._back(reason, int(self._terms.delay * 1e9))
        except Exception as error:  # noqa: BLE001 - as in _take
            self._fail(error)
            return
        self.failed += 1
        self.put_aside += is_last
        if not quietly:
            name = self._queue.name
            about = f"{name!r}: item {delivery.sequence}, attempt {delivery.attempt}{f' of {limit}' if limit else ''}"
            so = f"the item was put aside in {name}.dead" if is_last else "the item was given back"
            self._say(Failure(f"{about}: {reason}: {so}"))

    def _fail(self, error: Exception) -> None:
        """The queue can't be used any more: said once, for what is in hand will find the same."""
        self._take_no_more(self._code or self._say(error))

    def _take_no_more(self, code: int = OK) -> None:
        self._taking = False
        self._code = max(self._code, code)
        self._set.discard(self._queue)
        delivery, self._pending = self._pending, None
        if delivery is not None:
            self._give_back(delivery, "there was no process for it", quietly=True)

    # -- signals and time

    def _wait(self) -> list[Any]:
        try:
            return self._set.wait(self._patience())
        except _errors.Unreachable as error:
            self._bear(error)
            return []

    def _heed(self) -> None:
        for number in self._asked.take():
            if number == _signal.SIGTSTP:
                self._stop()
            elif number == _signal.SIGCONT:
                for errand in self._at_work.values():
                    errand.tell(number)
            elif number == _signal.SIGTERM and not self._asked_to_drain:
                self._asked_to_drain = True
                self._take_no_more()
            elif self._ends_by is None:
                self._end(number)
            else:
                for errand in self._at_work.values():
                    errand.kill()

    def _end(self, number: int) -> None:
        self._ends_by = number
        self._take_no_more()
        for errand in self._at_work.values():
            errand.ask_to_end(number, self._terms.grace)

    def _stop(self) -> None:
        """Ctrl-Z. The commands are not in our group, so the terminal has reached none of them."""
        if self._bar is not None:
            self._bar.clear()
        for errand in self._at_work.values():
            errand.tell(_signal.SIGTSTP)
        since = time.monotonic()
        self._asked.stop()
        for errand in self._at_work.values():
            errand.due += time.monotonic() - since
            errand.tell(_signal.SIGCONT)

    def _patience(self) -> float | None:
        """Seconds until something is to be done though nothing has happened."""
        until = min((errand.due for errand in self._at_work.values()), default=_NEVER)
        until = min(until, self._look, _NEVER if self._bar is None else self._bar.due)
        return None if until == _NEVER else max(0.0, until - time.monotonic())

    def _lose_patience(self) -> None:
        now = time.monotonic()
        for errand in self._at_work.values():
            if errand.due > now:
                continue
            if errand.told is None:
                errand.timed_out = True
                errand.ask_to_end(_signal.SIGTERM, self._terms.grace)
            else:
                errand.kill()


def _nobody_reads() -> bool:
    """Has whoever read our standard output, which is also the commands', closed it?"""
    poll = select.poll()
    poll.register(1, 0)  # asks for nothing: the kernel reports an error or hang-up all the same
    return any(found & (select.POLLERR | select.POLLHUP) for _, found in poll.poll(0))
