"""What comes to this process of a bus with a name: a thread that reads the topic, and offers it to those who hear it.

It takes many emits at once, has them decoded in one call, and offers a row of the same name in one go, so that a
thread is woken, and a queue is touched, once for all of them. What is offered when, and to whom, is as if it did so
one by one.
Who hears an emit is a matter of its number (`_bus_joins`).
"""

from __future__ import annotations

import contextlib
import threading
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import msgspec

from tocsin._bus_dispatcher import dispatcher
from tocsin._bus_event import seen
from tocsin._bus_joins import BATCH, Joins
from tocsin._bus_known import check_name, is_name
from tocsin._bus_room import make_room
from tocsin._bus_subscription import Inbox
from tocsin._bus_wait import Seat
from tocsin._errors import Full, InvalidMessage, Lagged, ObjectDamaged, TocsinError, Unreachable, WaitCancelled

if TYPE_CHECKING:
    from tocsin._bus_event import Raw
    from tocsin._bus_named import NamedBus
    from tocsin._bus_registry import Route
    from tocsin._topic import Topic

    Row = tuple[Route, list[Raw]]

#: How long, in seconds, it lets a dispatcher that does not come for more keep others waiting.
MOMENT = 0.005
_FOREVER = -1

_name = itemgetter(0)
#: Of an emit as it lies in the topic.
decoder = msgspec.json.Decoder(tuple[str, tuple[Any, ...], dict[str, Any]])
#: In place of what is no emit; whatever comes has a text for a name, if perhaps an empty one.
_NO_NAME: Any = None
_NO_EMIT: Raw = (_NO_NAME, (), None)
_NOBODY: Route = ((), ())


class Reader(Joins):
    def __init__(self, bus: NamedBus, topic: Topic, replay: int) -> None:
        super().__init__(bus, topic, replay)
        self.gate = threading.Lock()  # it stands by until this is released
        self.tried = -1  # the dispatcher's `ends` when standing by was in vain
        self.odd: BaseException | None = None  # what the dispatcher met when it read

    # -- what comes

    def _start(self) -> None:
        self.thread = threading.Thread(target=self._run, name=f"tocsin bus {self.bus.name}", daemon=True)
        self.thread.start()

    def _run(self) -> None:
        while True:
            with self.books:
                early = self.bus._registry.all()
            try:
                self._listen()
            except Exception as error:  # noqa: BLE001 - it is told to those who wait; who comes later tries again
                if self._has_given_up(error, early):
                    return
            else:
                self._read_on()
                return

    def _has_given_up(self, error: Exception, early: list[Any]) -> bool:
        """Those who waited before it was tried are told. For one who came meanwhile it is tried again."""
        with self.books:
            late = {one for one in self.bus._registry.all() if isinstance(one, Seat | Inbox)}.difference(early)
            is_over = not (late and isinstance(error, Unreachable))
            if is_over:
                self.thread = None
                self.asked.clear()
                self.settled.clear()
                early.extend(late)
            for listener in early:
                self.asked.pop(listener, None)
        self._fail(error, early, is_known=True)
        if is_over and self.bus._over is not None:
            self.topic.close()
        return is_over

    def _read_on(self) -> None:
        is_damaged = is_lost = False
        while True:
            try:
                self._raise_odd()
                batch = self.topic._read_lines(BATCH, _FOREVER)
                is_lost = False
                if batch is not None:
                    self._hand_out(*self._sorted(*batch))
                    if not dispatcher.asleep and dispatcher.ends != self.tried and self.topic._is_behind():
                        self._stand_by()
                is_damaged = False
            except Lagged as lag:
                self._lag(lag)
            except ObjectDamaged as error:
                if is_damaged:  # twice, and nothing in between: there is no going on behind it
                    self._end(error)
                    return
                is_damaged = True
                self.bus._report(error, None, None)
            except Unreachable as error:  # for so long that nobody's patience lasts; but handlers are to hear again
                self._fail(error, self.bus._registry.all(), is_known=is_lost)
                is_lost = True
            except (WaitCancelled, ValueError):  # closed
                self.topic.close()
                return
            except Exception as error:  # noqa: BLE001 - removed, or worse: nothing will come any more
                self._end(error)
                return

    def _raise_odd(self) -> None:
        """What the dispatcher met is met here."""
        odd, self.odd = self.odd, None
        if odd is not None:
            raise odd

    def _stand_by(self) -> None:
        """The dispatcher is awake, and there is more: let it read whenever it has nothing else to do.

        Two threads of one interpreter that hand every emit to each other are much slower than one that does all of it.
        But a callback may take long: then nothing is read for a moment, and this thread goes on itself.
        """
        self.gate.acquire(blocking=False)
        given = self.given
        dispatcher.readers.append(self)
        if dispatcher.asleep and not dispatcher.ready:  # it did not see that any more
            dispatcher.rouse()
        while not self.gate.acquire(timeout=MOMENT):
            if given == self.given:
                try:
                    dispatcher.readers.remove(self)
                except ValueError:  # it is reading just now
                    continue
                self.tried = dispatcher.ends
                return
            given = self.given

    def lead(self) -> bool:
        """On the dispatcher's thread, while this one stands by: read once."""
        with self.books:
            if self.bus._registry.strict or self.asked:  # whoever makes the room can't wait for it, nor for a server
                return False
            try:
                batch = self.topic._read_lines(BATCH, 0)
            except Exception as error:  # noqa: BLE001 - the reader itself has to see it
                self.odd = error
                return False
            if batch is None:
                return False
            found = self._sorted(*batch)
        try:
            self._hand_out(*found)
        except BaseException as error:  # noqa: BLE001 - as above
            self.odd = error
            return False
        return True

    def _sorted(self, first: int, count: int, data: bytes | list[bytes]) -> tuple[list[Row], list[InvalidMessage]]:
        plan: list[Row] | None = None
        errors: list[InvalidMessage] = []
        if isinstance(data, bytes):
            try:
                raws: list[Raw] = decoder.decode_lines(data)  # type: ignore[assignment]
                if len(raws) == count:
                    plan = self._plan(first, raws)
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
                plan = None
        if plan is None:
            raws, errors = self._one_by_one(data)
            plan = self._plan(first, raws) or []
        return plan, errors

    def _hand_out(self, plan: list[Row], errors: list[InvalidMessage]) -> None:
        for error in errors:
            self.bus._report(error, None, None)
        for (listeners, strict), row in plan:
            if strict:
                for raw in row:
                    for listener in self._make_room(listeners, strict, raw):
                        listener.offer(raw)
            elif len(listeners) == 1:
                listeners[0].offer_many(row)
            else:
                for raw in row:
                    for listener in listeners:
                        listener.offer(raw)
        self.dealt = self.given

    def _one_by_one(self, data: bytes | list[bytes]) -> tuple[list[Raw], list[InvalidMessage]]:
        """Whoever can write the topic can write anything: what is no emit is told, and the others are heard."""
        raws: list[Raw] = []
        errors = []
        for payload in data.split(b"\n") if isinstance(data, bytes) else data:
            try:
                raw: Raw = decoder.decode(payload)
                check_name(raw[0])
            except Exception as error:  # noqa: BLE001 - it is reported
                raw = _NO_EMIT
                errors.append(InvalidMessage(f"{self.bus._what()} holds what is no emit: {error}"))
            raws.append(raw)
        return raws, errors

    def _plan(self, first: int, raws: list[Raw]) -> list[Row] | None:
        """Decide who hears them: rows of emits in their order, each with its route. None: there is a bad name."""
        registry, number = self.bus._registry, first
        plan: list[Row] = []
        while True:
            self.settle()
            with self.books:
                if self.asked:  # by a task, just now
                    continue
                if (fallen := self.topic._fallen) is not None:  # the numbers from which on they hear come later now
                    self.topic._fallen = None
                    self.young = {who: since for who, since in self.young.items() if since <= fallen + 1}
                rows = ((raws[0][0], raws),) if len(raws) == 1 else groupby(raws, _name)
                for name, found in rows:
                    row = list(found)
                    route = registry.routes.get(name)
                    if route is None:
                        if name is not _NO_NAME and not is_name(name):
                            return None
                        route = _NOBODY if name is _NO_NAME else registry.route(name)
                    if self.young:
                        plan += [(self._grown(route, at), [raw]) for at, raw in enumerate(row, number)]
                    else:
                        plan.append((route, row))
                    number += len(row)
                self.given = first + len(raws) - 1
                if self.young:
                    self.young = {who: since for who, since in self.young.items() if since > self.given + 1}
            return plan

    def _make_room(self, listeners: tuple[Any, ...], strict: tuple[Any, ...], raw: Raw) -> tuple[Any, ...]:
        """As in the emitter's own process; one that refuses can't tell the emitter, so it is left out and reported."""
        refused = []
        for listener in strict:
            try:
                make_room((listener,), self.bus)
            except (Full, RuntimeError) as error:
                refused.append(listener)
                self.bus._report(error, seen(raw), None)
        return tuple(listener for listener in listeners if listener not in refused)

    def _lag(self, lag: Lagged) -> None:
        with self.books:
            before, self.given = self.given, self.given + lag.missed
            for listener in self.bus._registry.all():
                if isinstance(listener, Inbox):
                    missed = self.given - max(before, self.young.get(listener, 0) - 1)
                    listener._backlog.skip(max(0, missed))
                    listener.wake()
        self.bus._report(lag, None, None)

    def _fail(self, error: Exception, listeners: list[Any], *, is_known: bool) -> None:
        """Those of them who wait are told."""
        for listener in listeners:
            if isinstance(listener, Seat | Inbox):
                listener.fail(error)
        if not is_known:
            self.bus._report(error, None, None)

    def _end(self, error: Exception) -> None:
        with self.books:
            self.over = error
        for listener in self.bus._registry.all():
            if isinstance(listener, Seat):
                listener.fail(error)
            elif isinstance(listener, Inbox):
                listener.end(error)
        if not isinstance(error, TocsinError) or self.bus._over is None:
            self.bus._report(error, None, None)

    # -- life

    def close(self) -> None:
        with self.books, contextlib.suppress(ValueError):
            if self.thread is None:
                self.topic.close()
            else:
                self.topic.cancel()

    def renew(self) -> None:
        """After fork, in the child: it goes on from where the parent was."""
        self.renew_joins()
        self.gate = threading.Lock()
        if self.thread is not None and self.bus._over is None:
            self.given = self.topic.cursor or 0
            self._start()
