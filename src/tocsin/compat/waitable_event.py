"""bacpypes' `WaitableEvent`: an event that wakes an asyncore loop, with `asyncore.file_dispatcher`'s methods.

    from tocsin.compat.waitable_event import WaitableEvent     # was: from bacpypes.event import WaitableEvent

What is better and what differs: docs/from-the-seeds/waitable_event.md.
"""

from __future__ import annotations

import errno
import os
import sys
import warnings
import weakref
from functools import partial
from importlib import import_module
from typing import Any, ClassVar

from tocsin._event import Event

__all__ = ["WaitableEvent"]


def _shared_map() -> dict[int, Any] | None:
    """asyncore's table of channels: Python 3.11 has asyncore, later ones have it when pyasyncore is installed."""
    try:
        with warnings.catch_warnings():
            # A program that uses asyncore was told by its own import that it is deprecated; one that doesn't,
            # and turns warnings into errors, must not fail here.
            warnings.simplefilter("ignore", DeprecationWarning)
            table: dict[int, Any] = import_module("asyncore").socket_map
    except ImportError:
        return None
    return table


_socket_map = _shared_map()
_live: weakref.WeakSet[WaitableEvent] = weakref.WeakSet()


class _Channel:
    """What stands in the map for an event: it passes on what a loop calls, and doesn't keep the event alive.

    The original stood there itself, so it was never collected and never gave back its descriptors. A loop copies the
    map before it looks at it, so a channel may outlive its event by a step: then it is simply not readable.
    """

    def __init__(self, owner: WaitableEvent, table: dict[int, Any], fd: int) -> None:
        # The callback runs before the event's own parts go, so the number leaves the map while it is still open.
        self._owner = weakref.ref(owner, partial(_forget, table, fd))
        self._table = table
        self._fd = fd

    def leave(self) -> bool:
        """Leave the map; whether it still stood there."""
        stands = self._table.get(self._fd) is self
        if stands:
            del self._table[self._fd]
        return stands

    def _call(self, method: str) -> Any:
        owner = self._owner()
        return None if owner is None else getattr(owner, method)()

    def readable(self) -> bool:
        return bool(self._call("readable"))

    def writable(self) -> bool:
        return bool(self._call("writable"))

    def handle_read_event(self) -> None:
        self._call("handle_read_event")

    def handle_write_event(self) -> None:
        self._call("handle_write_event")

    def handle_expt_event(self) -> None:
        self._call("handle_expt_event")

    def handle_error(self) -> None:
        self._call("handle_error")

    def handle_close(self) -> None:
        self._call("handle_close")

    def close(self) -> None:
        self._call("close")

    def __getattr__(self, name: str) -> Any:
        owner = self._owner()
        if owner is None:
            msg = f"the WaitableEvent of descriptor {self._fd} was collected; it has no {name!r} any more"
            raise AttributeError(msg)
        return getattr(owner, name)

    def __eq__(self, other: object) -> bool:
        # So that `event in asyncore.socket_map.values()` says what it said.
        return self is other or (other is not None and self._owner() is other)

    def __hash__(self) -> int:
        return hash(self._owner)

    def __repr__(self) -> str:
        return f"<channel of {self._owner()!r}>"


def _forget(table: dict[int, Any], fd: int, owner: weakref.ref[WaitableEvent]) -> None:
    stands = table.get(fd)
    if isinstance(stands, _Channel) and stands._owner is owner:
        del table[fd]


class WaitableEvent:
    """A `threading.Event` that select, poll and an asyncore loop can wait for.

    Caveat: a loop wakes for as long as the event is set; who handles it clears it. Fix: call `clear()` (or `recv(1)`,
    as bacpypes' own trigger does) in `handle_read`, or clear it after the loop's turn.

    `set` may be called from any thread, from a signal handler, and from a child after fork. The event stands in
    `asyncore.socket_map` from its making to `close()` or until it is collected, whichever comes first; without
    asyncore there is no map, and the event works all the same. `close()` leaves the map and nothing else, as it did:
    a thread that is late may still call `set`. The descriptors are given back when the event is collected.
    """

    debug = False
    accepting = False
    connecting = False
    closing = False
    addr = None
    socket = None
    ignore_log_types: ClassVar[frozenset[str]] = frozenset({"warning"})

    def __init__(self) -> None:
        self._event = Event()
        self._map = _socket_map
        self._channel: _Channel | None = None
        self._fileno = -1
        self.connected: bool = True
        self.add_channel()
        _live.add(self)

    def __del__(self) -> None:
        # The seed documents it, so subclasses may call it. There is nothing left to do: when the last reference goes
        # the channel leaves the map, and then the event gives back its descriptors, in this order.
        pass

    def __repr__(self) -> str:
        kind = type(self)
        state = "set" if self._event.is_set() else "unset"
        return f"<{kind.__module__}.{kind.__qualname__} {state} at {id(self):#x}>"

    # ---- the event

    def wait(self, timeout: float | None = None) -> bool:
        """Block until it is set, or for `timeout` seconds; whether it was set. A pulse during the wait counts."""
        return self._event.wait(timeout)

    def isSet(self) -> bool:  # noqa: N802 - the seed's name
        """Whether it is set."""
        return self._event.is_set()

    is_set = isSet

    def set(self) -> None:
        """Set it, and wake every thread that waits and every loop that watches."""
        self._event.set()

    def clear(self) -> None:
        """Clear it; its descriptor isn't readable afterwards, so a loop whose `handle_read` does nothing sleeps."""
        self._event.clear()
        self._event.is_set()  # the look that takes the edge off the descriptor, if nobody has set it again

    # ---- what a loop calls

    def readable(self) -> bool:
        """True: a loop should watch for it to be set."""
        return True

    def writable(self) -> bool:
        """False: there is never anything to write."""
        return False

    def handle_read_event(self) -> None:
        """The loop found the descriptor readable: `handle_read`, if the event is set.

        The descriptor is a hint, and stays up after another process cleared the event. Looking takes it down, and
        without the look a loop would turn for ever over an event that is clear.
        """
        if self._event.is_set():
            self.handle_read()

    def handle_write_event(self) -> None:
        """A loop never calls it, because `writable` is False."""
        self.handle_write()

    def handle_expt_event(self) -> None:
        """A loop never calls it, because the descriptor has no urgent data."""
        self.handle_expt()

    def handle_read(self) -> None:
        """For a subclass: the event is set. Does nothing, and then the loop turns until somebody clears it."""

    def handle_write(self) -> None:
        """Does nothing."""

    def handle_expt(self) -> None:
        """Says that it wasn't expected, when `ignore_log_types` doesn't hold "warning"."""
        self.log_info("unhandled incoming priority event", "warning")

    def handle_close(self) -> None:
        """Close it."""
        self.close()

    def handle_error(self) -> None:
        """A handler raised: say so on standard output and close, as every asyncore dispatcher does."""
        kind, error, where = sys.exc_info()
        lines = []
        while where is not None:
            code = where.tb_frame.f_code
            lines.append(f"[{code.co_filename}|{code.co_name}|{where.tb_lineno}]")
            where = where.tb_next
        text = f"uncaptured python exception, closing channel {self!r} ({kind}:{error} {' '.join(lines)})"
        self.log_info(text, "error")
        self.handle_close()

    # ---- the rest of asyncore.file_dispatcher

    def fileno(self) -> int:
        """The descriptor, readable while the event is set; every look at the event takes a stale edge off it."""
        return self._event.fileno()

    def add_channel(self, map: dict[int, Any] | None = None) -> None:  # noqa: A002 - asyncore's name
        """Stand in `map`, or in the map it had last."""
        table = self._map if map is None else map
        if table is None:
            return
        fd = self._event.fileno()
        channel = _Channel(self, table, fd)
        table[fd] = channel
        self._fileno, self._channel = fd, channel

    def del_channel(self, map: dict[int, Any] | None = None) -> None:  # noqa: A002 - asyncore's name
        """Leave `map`, or the map it stands in."""
        table = self._map if map is None else map
        if table is not None and table.get(self._fileno) == self:
            del table[self._fileno]

    def close(self) -> None:
        """Leave the map. The event goes on working for those who still hold it."""
        self.connected = False
        self.del_channel()

    def recv(self, buffer_size: int) -> bytes:
        """The seed's pipe held one byte while it was set: take it, which clears the event."""
        if buffer_size < 1:
            return b""
        if not self._event.is_set():
            raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        self.clear()
        return b"1"

    def send(self, data: bytes) -> int:  # noqa: ARG002 - asyncore's signature
        """The seed's descriptor was the reading end of a pipe, and asyncore took the failure for a hang-up: so here."""
        self.handle_close()
        return 0

    def log(self, message: object) -> None:
        """One line on standard error."""
        sys.stderr.write(f"log: {message}\n")

    def log_info(self, message: object, type: str = "info") -> None:  # noqa: A002 - asyncore's name
        """One line on standard output, unless its type is to be ignored."""
        if type not in self.ignore_log_types:
            sys.stdout.write(f"{type}: {message}\n")


def _after_fork_in_child() -> None:
    """The parent's descriptor number is closed in the child: the copied map must show the child's own."""
    for event in list(_live):
        channel = event._channel
        if channel is not None and channel.leave():
            event.add_channel(channel._table)


os.register_at_fork(after_in_child=_after_fork_in_child)
