"""The exceptions, and the one table from the core's reasons to them.

Each has the built-in parent that a caller would catch, names the object, the place and the mend, and can be
pickled, because exceptions cross process pools.
"""

from __future__ import annotations

import errno
import os
import sys

from tocsin import _core

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tocsin._owner import Owner

if TYPE_CHECKING:
    from queue import Empty as Empty  # noqa: PLC0414 - for others to import from here, type checkers want it so
    from queue import Full as Full  # noqa: PLC0414

if TYPE_CHECKING and sys.version_info >= (3, 13):
    from queue import ShutDown as ShutDown  # noqa: PLC0414
elif sys.version_info < (3, 13):

    class ShutDown(Exception):
        """Put into a queue that was shut down, or got from one that is also empty: `queue.ShutDown` of 3.13."""

        __module__ = "tocsin"


def __getattr__(name: str) -> object:
    # Loaded on first use: who never fills a queue doesn't pay for the module.
    if name in ("Empty", "Full", "ShutDown"):
        found: object = None
        if name == "Empty":
            import _queue  # where `queue` has it from, and without threading

            found = getattr(_queue, name, None)
        if found is None:
            import queue

            found = getattr(queue, name)
        setattr(sys.modules[__name__], name, found)
        return found
    raise AttributeError(f"module 'tocsin._errors' has no attribute {name!r}")


class TocsinError(Exception):
    """The parent of every exception that is tocsin's own."""


class WrongKind(TocsinError, TypeError):
    """The name belongs to an object of another kind, or is a folder, or would need an object as a folder."""


class ConfigMismatch(TocsinError, ValueError):
    """The object was made with another value of an argument that is fixed when an object is made."""


class ObjectRemoved(TocsinError, FileNotFoundError):
    """The object was unlinked, or its file is gone: nobody will ever change it. Everyone who waits gets this."""


class ObjectDamaged(TocsinError):
    """The file is not an object of tocsin, or not any more."""


class FormatMismatch(TocsinError):
    """The object was made by a version of tocsin whose layout differs; nothing is ever reinterpreted."""


class OwnerDied(TocsinError):
    """Who had promised to set the event (`Event.own`) died before it did, or closed its handle.

    Every wait gets it until somebody sets, clears or owns the event. `owner` is an `Owner`; None: it wasn't known.
    """

    def __init__(self, message: str, owner: Owner | None = None) -> None:
        super().__init__(message, owner)
        self.owner = owner

    def __str__(self) -> str:
        return str(self.args[0])


class WaitCancelled(TocsinError):
    """`cancel()` ended this handle's waits. It is sticky: open a new handle to wait again."""


class MessageTooLarge(TocsinError, ValueError):
    """An item or a value is larger than 64 MiB when it is encoded, or than the queue can ever hold."""


class InvalidMessage(TocsinError, ValueError):
    """An item or a value is not what the type says, or would not come back equal (README, "JSON")."""


class VersionConflict(TocsinError):
    """`if_version` is not the present version: somebody signalled in between. Nothing was changed."""


class LeaseLost(TocsinError):
    """The delivery is not this process's any more: it was acked or given back before."""


class Unreachable(TocsinError, ConnectionError):
    """The server of the place can't be reached, or stopped answering, within the caller's deadline.

    Nobody knows whether what was asked last was done. Within a call it is done once, however often it had to be asked;
    who calls again asks for it anew.
    """


class Lagged(TocsinError):
    """The reader was too slow, and what it had not read was overwritten: `missed` of them. It goes on behind those."""

    def __init__(self, message: str, missed: int = 0) -> None:
        super().__init__(message, missed)
        self.missed = missed

    def __str__(self) -> str:
        return str(self.args[0])


#: What an object is called in messages, where that is not its kind.
KINDS = {"data": "data event"}

#: The core's numbers of kinds (core/tocsin.h), as they are called in messages.
_NUMBERED = {1: "an event", 2: "a signal", 3: "a data event", 4: "a queue", 5: "a lock", 6: "a bus"}

#: Reasons that become an exception of ours: class, and what to do about it.
_OURS: dict[int, tuple[type[TocsinError], str]] = {
    errno.EUCLEAN: (ObjectDamaged, "is damaged, or not a tocsin object: remove the file, or use another name"),
    errno.EPROTO: (
        FormatMismatch,
        "was made by another version of tocsin: remove it with that version, or use another name",
    ),
    errno.EMEDIUMTYPE: (
        WrongKind,
        "is an object of another kind, or a folder, or has an object in place of a folder: use another name",
    ),
    errno.EIDRM: (ObjectRemoved, "was removed: open it anew"),
    errno.EEXIST: (ConfigMismatch, "was made with another mode: leave the mode out to take it as it is"),
    errno.ECANCELED: (WaitCancelled, "was cancelled for this handle: open a new one to wait again"),
    errno.EMSGSIZE: (MessageTooLarge, f"takes at most {_core.MESSAGE_MAX >> 20} MiB at once: send a reference instead"),
    errno.EBADMSG: (InvalidMessage, "holds something that can't be read"),
}

#: What one kind means by a reason.
_OF_KIND: dict[tuple[str, int], tuple[type[TocsinError], str]] = {
    ("queue", errno.ESTALE): (LeaseLost, "has given the item to somebody else, or it was acked before"),
    ("bus", errno.EEXIST): (
        ConfigMismatch,
        "was made with another mode or max_bytes: leave out what is fixed to take it as it is",
    ),
    ("bus", errno.EMSGSIZE): (
        MessageTooLarge,
        f"takes at most what it retains (max_bytes), and {_core.MESSAGE_MAX >> 20} MiB: send a reference instead",
    ),
    ("queue", errno.EEXIST): (
        ConfigMismatch,
        "was made with another mode, limit, codec or durability: leave out what is fixed to take it as it is",
    ),
}

#: Reasons that the standard library has an exception for: class, errno that it shows, and what to do.
_STANDARD: dict[int, tuple[type[OSError], int, str]] = {
    errno.ENOENT: (FileNotFoundError, errno.ENOENT, "does not exist: make it, or open it with create=True"),
    errno.ENOTUNIQ: (
        PermissionError,
        errno.EPERM,
        "can be written by other users, who could crash root with it: give its mode to accept that",
    ),
    errno.EACCES: (
        PermissionError,
        errno.EACCES,
        "may not be read and written by this user, which setting and waiting need: ask its owner for another mode",
    ),
    errno.EPERM: (
        PermissionError,
        errno.EPERM,
        "is not ours to change, or its directory is somebody else's or open to others: check who owns it",
    ),
    errno.ELOOP: (PermissionError, errno.ELOOP, "is a symbolic link, which is never followed: name the file itself"),
}


def error(  # noqa: PLR0911 - a table, of which some rows need a second look
    reason: int, name: str | None, at: str | None, path: str | None, kind: str = "object"
) -> Exception:
    """The exception for a negative `reason` of the core, about the object `name` at `at`."""
    code = -reason
    what = f"the anonymous {KINDS.get(kind, kind)}" if name is None else f"{name!r} at {at!r}"
    if code == errno.ESHUTDOWN:
        return ValueError(f"{what} was closed: open a new handle")
    if code == errno.EDOM:
        return ValueError(f"bad mode for {what}: give 0o600 to 0o777, in which the owner may read and write")
    where = f" ({path})" if path else ""
    if code == errno.EMEDIUMTYPE and path and (there := _there(path)):
        return WrongKind(f"{what}{where} is {there}: use another name")
    ours = _OF_KIND.get((kind, code)) or _OURS.get(code)
    if ours:
        own, mend = ours
        return own(f"{what}{where} {mend}")
    if code == errno.ETIMEDOUT:
        return TimeoutError(code, f"{what} is locked by a process that is stopped: `tocsin doctor` names it", path)
    if code == errno.EUSERS:
        return OSError(code, f"{what} has 1,080 listeners already: close some, or share one among threads", path)
    if code == errno.EPIPE:
        return _shut_down(f"{what} was shut down")
    if code == errno.ENOENT and path and not os.path.isdir(os.path.dirname(path)):
        mend = "make it first, or look at the place again"
        return FileNotFoundError(code, f"the directory of {what} does not exist: {mend}", path)
    if code in _STANDARD:
        standard, shown, mend = _STANDARD[code]
        return standard(shown, f"{what} {mend}", path) if path else standard(shown, f"{what} {mend}")
    return OSError(code, f"{what}: {_core.reason(reason) if code in _KNOWN else os.strerror(code)}", path)


def _there(path: str) -> str | None:
    """What lies where an object of another kind was looked for; None: it can't be told, or is gone by now."""
    if os.path.isdir(path):
        return "a folder, which objects are in"
    found = _core.look_at(os.fsencode(path))
    number = 0 if isinstance(found, int) else found["kind"]
    return f"an object of another kind, {_NUMBERED[number]}" if number in _NUMBERED else None


def owner_error(reason: int, title: str, owner: Owner | None) -> Exception:
    """The exception for a `reason` that is about who owns the event `title`."""
    if reason == -errno.EALREADY:
        return RuntimeError(f"{title} is set, so there is nothing to promise: clear it, then own it")
    if reason == -errno.EBUSY:
        who = f"is owned by {owner}" if owner else "was another's in this instant"
        return RuntimeError(f"{title} {who}: wait for it, or own it when its owner has set it, given it up or died")
    end = f"{owner or 'the process'} that owned it died, or closed its handle, before it set it"
    return OwnerDied(f"{title} was left behind: {end}: set, clear or own it to go on", owner)


def _shut_down(message: str) -> Exception:
    from tocsin._errors import ShutDown  # this module, through its own door: before 3.13 it is ours

    return ShutDown(message)


_KNOWN = frozenset({errno.EBUSY, errno.EMFILE, errno.ENFILE, errno.ENOSPC})
