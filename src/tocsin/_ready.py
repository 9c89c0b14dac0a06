"""What can be waited for together with others, and how one of them says that it is ready. Takes nothing.

Two kinds of member: `Bell`, an object of this library, which is entered by the FIFO that its bell is (an edge per
change, and then a look), and `Stranger`, whatever else has a descriptor (readable as long as it is ready).
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import weakref

from tocsin import _core

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from tocsin._object import Handle

class Bell(_core.Member):
    """An object of this library. How it is looked at is the binding's, for its speed."""

    def __init__(
        self, handle: Handle, order: int, *, seen: int | None = None, weak: Callable[[object], None] | None = None
    ) -> None:
        self.key = id(handle)
        self.order = order
        self.get: Callable[[], Handle | None] = weakref.ref(handle, weak)
        self.held = None if weak else handle
        self.fd = -1
        self.may_be_due = hasattr(handle, "_due")
        self.seen = handle._ticket() if seen is None else seen

    def listen(self) -> int:
        """The descriptor to listen to; -1 if nothing can come any more, because it was removed."""
        handle = self.get()
        if handle is not None:
            try:
                self.fd = handle._bell = handle._listen()
            except FileNotFoundError:  # ObjectRemoved: its own next call tells
                self.fd = -1
        return self.fd

    def is_far(self) -> bool:
        handle = self.get()
        return handle is not None and handle.is_far

    def due(self) -> int:
        """When (ns) to look again though nothing rings: what the dead had in hand, or what was put off. 0: no need."""
        handle = self.get()
        return 0 if handle is None or not self.may_be_due else handle._due()  # type: ignore[attr-defined]

    def young(self) -> int:
        handle = self.get()
        return 0 if handle is None else handle._look_again()

    def check_name(self) -> None:
        handle = self.get()
        if handle is not None:
            with contextlib.suppress(OSError, ValueError):  # its own next call tells
                handle._check_name()


#: A ticket that nothing passes: the present state is what counts.
_NEVER = (1 << 64) - 1


class Stranger:
    """A descriptor, or what has one. `judge`: it has a look of its own, which says more than the descriptor does."""

    __slots__ = ("fd", "judge", "key", "object", "order")

    def __init__(self, thing: Any, fd: int, order: int) -> None:
        self.key = ~thing if type(thing) is int else id(thing)
        self.order = order
        self.object = thing
        self.fd = fd
        self.judge: Callable[[int], bool] | None = getattr(thing, "_is_ready", None)

    def get(self) -> object:
        return self.object

    def look(self) -> bool:
        """Is it readable at this instant?"""
        if self.judge is not None:
            return self.judge(_NEVER)
        poll = select.poll()
        poll.register(self.fd, select.POLLIN)
        return bool(poll.poll(0))


Member = Bell | Stranger


def key_of(thing: object) -> int:
    """Objects are themselves, whatever they are equal to; descriptors are their numbers."""
    return ~thing if type(thing) is int else id(thing)


def member(
    thing: Any, order: int, place: str, *, seen: int | None = None, weak: Callable[[object], None] | None = None
) -> Member:
    """What stands for `thing` in a set. `place` is what messages call it; `seen`: its ticket, if it was asked for.

    ValueError: it is closed. TypeError: nobody can wait for it.
    """
    if isinstance(thing, _core.Object):
        return Bell(thing, order, seen=seen, weak=weak)  # type: ignore[arg-type]
    return Stranger(thing, _descriptor(thing, place), order)


def _descriptor(thing: Any, place: str) -> int:
    if type(thing) is int:
        if thing < 0:
            raise ValueError(f"{place} is {thing}, which is no descriptor")
        return thing
    fileno = None if isinstance(thing, (bool, int)) else getattr(thing, "fileno", None)
    if not callable(fileno) or isinstance(thing, type):
        raise TypeError(f"{place} is {_article(type(thing))}, which nobody can wait for: {_hint(thing)}")
    try:
        fd = fileno()
    except OSError as error:  # io.UnsupportedOperation
        raise TypeError(f"{place}, {thing!r}, has no descriptor: {error}") from error
    except ValueError as error:
        raise ValueError(f"{place} is closed: {thing!r}: {error}") from error
    if type(fd) is not int or fd < 0:
        raise ValueError(f"{place} is closed: {thing!r}")
    return fd


def _article(kind: type) -> str:
    name = kind.__name__ if kind.__module__ in ("builtins", "tocsin") else f"{kind.__module__}.{kind.__qualname__}"
    return f"{'an' if name[0] in 'aeiouAEIO' else 'a'} {name}"


def _hint(thing: object) -> str:
    if isinstance(thing, (list, tuple, set, frozenset, dict)):
        return "give the objects one by one, with a * in front of what holds them"
    if isinstance(thing, float):
        return f"give seconds by name, timeout={thing}"
    if hasattr(thing, "sentinel"):
        return "give its .sentinel"
    if hasattr(thing, "pid"):
        return "give os.pidfd_open(its pid)"
    return "give a tocsin object, a descriptor, or something with a fileno()"


def refusal(error: OSError, thing: object, fd: int) -> Exception:
    """Why epoll does not take it, in words."""
    what = f"descriptor {fd}" if type(thing) is int else f"{thing!r} (descriptor {fd})"
    if error.errno == errno.EPERM:
        return ValueError(f"{what} is a file or a directory, which is always ready: nobody can wait for it")
    if error.errno == errno.EBADF:
        return ValueError(f"{what} is not open")
    return OSError(error.errno, f"{os.strerror(error.errno or 0)}: no room to wait for {what}")
