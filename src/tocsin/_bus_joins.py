"""Who hears which emits of a bus with a name: a matter of their numbers, wherever the reader happens to be.

A handler, wait or subscription hears what was emitted after it was registered; and of a bus with a replay, a handler or
subscription the last so many before, too. On a server the number is asked for, and a task does not wait for the answer:
nobody decides who hears what comes before that is there.
"""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING

from tocsin._bus_handler import BusHandler
from tocsin._bus_known import matches
from tocsin._bus_subscription import Inbox
from tocsin._bus_wait import Seat
from tocsin._errors import Lagged, ObjectDamaged, Unreachable
from tocsin._topic import Topic

if TYPE_CHECKING:
    from tocsin._bus_event import Raw
    from tocsin._bus_named import NamedBus
    from tocsin._bus_registry import Listener, Route
    from tocsin._errors import InvalidMessage
    from tocsin._redis.topic_mark import Mark

#: How many emits are taken from the topic at once.
BATCH = 256


class Joins:
    """The half of a reader that knows who hears."""

    def __init__(self, bus: NamedBus, topic: Topic, replay: int) -> None:
        self.bus = bus
        self.topic = topic
        self.replay = replay
        self.books = threading.RLock()  # who joins, and how far is given
        self.dealt: int | None = None  # the number of the last emit that those have who hear it
        self.given = 0  # the number of the last emit of which is decided who hears it
        self.young: dict[Listener, int] = {}  # who hears not all that comes next, but from a number on
        self.asked: dict[Listener, Mark] = {}  # of whom it is asked at a server from which number on, with the question
        self.listening = threading.RLock()  # who begins to listen
        self.is_listening = False
        self.settled: list[int] = []  # numbers of those who had asked before, and know
        self.thread: threading.Thread | None = None
        self.over: Exception | None = None

    def _start(self) -> None:
        """Have a thread read."""
        raise NotImplementedError

    def _one_by_one(self, data: bytes | list[bytes]) -> tuple[list[Raw], list[InvalidMessage]]:
        """The emits in what was read."""
        raise NotImplementedError

    # -- joining

    def join(self, listener: Listener, until: int = -1) -> None:
        kept = 0
        if not self.is_listening:
            self._listen()
        with self.books:
            if self.over is not None:
                raise self.over
            since = self.topic._head_by(until) + 1
            if not isinstance(listener, Seat):  # waits are for what comes, or they would find the same one each time
                since = max(1, since - self.replay)
            self.bus._registry.add(listener)
            if since > self.given + 1:
                self.young[listener] = since
            elif since <= self.given and isinstance(listener, BusHandler | Inbox):
                raws = self._again(listener.pattern, since)
                if listener._strict:  # these refuse nothing that was there before them
                    for _ in raws:
                        listener._backlog.force()
                kept = listener.keep(raws)
            if self.thread is None and self.bus._over is None:
                self._start()
        if kept and isinstance(listener, BusHandler | Inbox):
            listener.rouse(kept)

    def join_soon(self, listener: Listener, until: int) -> Mark | None:
        """The same for a task, whose loop a server must not stop: the answer comes later. None: it is there."""
        with self.books:
            if self.over is not None:
                raise self.over
            mark = self.topic._ask_where(until)
            if mark is not None:
                self.asked[listener] = mark
                self.bus._registry.add(listener)
                if self.thread is None and self.bus._over is None:
                    self._start()
                return mark
        self.join(listener, until)
        return None

    def settle(self) -> None:
        """Know from which number on everybody hears. By a thread, which may have to wait for answers."""
        while self.asked:
            with self.books:
                asked = list(self.asked.items())
            for listener, mark in asked:
                number = mark.resolve()
                with self.books:
                    if self.asked.pop(listener, None) is not None:
                        if number > self.given:
                            self.young[listener] = number + 1
                        if not self.is_listening:
                            self.settled.append(number)

    async def settle_async(self) -> None:
        for mark in list(self.asked.values()):
            with contextlib.suppress(Unreachable):  # the emit that comes now will say so
                await mark.arrive()

    def _listen(self) -> None:
        """Become a listener, once. Those who have asked before hear from their number on."""
        with self.listening:
            if self.is_listening:
                return
            self.topic.listen(self.replay)
            with self.books:
                marks = list(self.asked.values())
            numbers = [mark.resolve() for mark in marks]
            with self.books:
                for number in (*numbers, *self.settled):
                    self.topic._begin_at(number)
                self.given = self.dealt = self.topic.cursor or 0
                self.is_listening = True

    def _again(self, pattern: str, since: int) -> list[Raw]:
        """What was given out from number `since` on, and is still there: read once more, by a handle of its own."""
        found: list[Raw] = []
        try:
            topic = self._reach(since)
        except FileNotFoundError:  # removed, as everybody will be told
            return found
        with topic:
            number = self.given if topic.stats().id != self.topic.stats().id else 0
            while number < self.given:
                try:
                    batch = topic._read_lines(BATCH, 0)
                except (Lagged, ObjectDamaged):
                    continue
                if batch is None:
                    break
                first, count, data = batch
                number = first + count - 1
                if number >= since:
                    again = zip(range(first, self.given + 1), self._one_by_one(data)[0], strict=False)
                    found += [raw for at, raw in again if at >= since and raw[0] and matches(pattern, raw[0])]
        return found

    def _reach(self, since: int) -> Topic:
        """A handle that has not read number `since`. A replay counts from the last emit, and others go on emitting."""
        name, at = self.topic._where()
        for more in (1 << 10, 1 << 20):
            topic = Topic(name, at=at, create=False, replay=self.given - since + more)
            if (topic.cursor or 0) < since:
                return topic
            topic.close()
        return Topic(name, at=at, create=False, replay=1 << 62)

    def _grown(self, route: Route, number: int) -> Route:
        """Without those who hear only from a later number on."""
        young = self.young
        listeners, strict = (tuple([who for who in some if young.get(who, 0) <= number]) for some in route)
        return listeners, strict

    def renew_joins(self) -> None:
        """After fork, in the child, which has nobody's questions."""
        self.books = threading.RLock()
        self.listening = threading.RLock()
        asked, self.asked = self.asked, {}
        self.young |= {listener: mark.low + 1 for listener, mark in asked.items()}
