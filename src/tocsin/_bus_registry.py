"""Who listens to what: receivers by name and by pattern, and the routes that emits take.

A route is worked out with the first emit of a name and kept until somebody who matches comes or goes. Emits read
routes without a lock; the lock is for those who change the books, and its own thread may take it again.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Protocol

from tocsin._bus_known import check_pattern, matches

if TYPE_CHECKING:
    from collections.abc import Callable

    from tocsin._bus_backlog import Backlog
    from tocsin._bus_event import Raw

#: So many routes are kept; names may be made up by the million.
ROUTES = 4096


class Listener(Protocol):
    """A handler, a wait or a subscription."""

    pattern: str
    #: Must room be made in its backlog before an emit?
    _strict: bool

    @property
    def _backlog(self) -> Backlog | None: ...

    def offer(self, raw: Raw) -> bool: ...

    def offer_many(self, raws: list[Raw]) -> None: ...


#: All who hear a name, and those of them that need room made first; both in the order of their registration.
Route = tuple[tuple[Any, ...], tuple[Any, ...]]


class Registry:
    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.routes: dict[str, Route] = {}
        self.version = 0
        self.is_shut = False
        self.strict = 0  # how many of them may let an emit wait, or refuse it
        self._number = 0
        self._exact: dict[str, dict[Any, int]] = {}
        self._wild: dict[str, dict[Any, int]] = {}

    def add(self, listener: Listener) -> None:
        wild = check_pattern(listener.pattern)
        with self.lock:
            self._number += 1
            self.strict += listener._strict
            books = self._wild if wild else self._exact
            books.setdefault(listener.pattern, {})[listener] = self._number
            self._changed(listener.pattern, wild=wild)
            if not wild:
                self.route(listener.pattern)  # now, so that the emit which somebody waits for need not

    def remove(self, listener: Listener) -> bool:
        """False: it was not there any more."""
        with self.lock:
            for books in (self._exact, self._wild):
                here = books.get(listener.pattern)
                if here is not None and here.pop(listener, None) is not None:
                    if not here:
                        del books[listener.pattern]
                    self.strict -= listener._strict
                    self._changed(listener.pattern, wild=books is self._wild)
                    return True
        return False

    def _changed(self, pattern: str, *, wild: bool) -> None:
        self.version += 1
        if wild:
            self.routes = {}
        else:
            self.routes.pop(pattern, None)

    def route(self, name: str) -> Route:
        """Who hears `name`, which was checked."""
        with self.lock:
            version = self.version
            found = self._exact.get(name, {})
            wild = [here for pattern, here in self._wild.items() if matches(pattern, name)]
            if wild:
                found = {listener: number for here in (found, *wild) for listener, number in here.items()}
                listeners = tuple(sorted(found, key=found.__getitem__))
            else:
                listeners = tuple(found)  # they stand in their order
            route = listeners, tuple([listener for listener in listeners if listener._strict])
            if version == self.version and not self.is_shut:  # or a signal handler has been here in between
                if len(self.routes) >= ROUTES:
                    self.routes.clear()
                self.routes[name] = route
            return route

    def all(self) -> list[Any]:
        with self.lock:
            found = {key: n for books in (self._exact, self._wild) for one in books.values() for key, n in one.items()}
        return sorted(found, key=found.__getitem__)

    def take(self, wanted: Callable[[Any], bool]) -> list[Any]:
        """Remove those that are wanted; which they were, but for those whom somebody else removed meanwhile."""
        return [found for found in self.all() if wanted(found) and self.remove(found)]

    def shut(self) -> list[Any]:
        """Remove everyone, for good; no route is kept from now on."""
        with self.lock:
            self.is_shut = True
            self.routes = {}
        return self.take(lambda _listener: True)

    def renew(self) -> None:
        """After fork, in the child."""
        self.lock = threading.RLock()
