"""The exceptions, and the one table from the core's reasons to them.

Each has the built-in parent that a caller would catch, names the object, the place and the mend, and can be
pickled, because exceptions cross process pools.
"""

from __future__ import annotations

import errno
import os

from tocsin import _core


class TocsinError(Exception):
    """The parent of every exception that is tocsin's own."""


class WrongKind(TocsinError, TypeError):
    """The name belongs to an object of another kind, or is a folder, or would need an object as a folder."""


class ConfigMismatch(TocsinError, ValueError):
    """The object was made with another value of an argument that is fixed when an object is made."""


class ObjectRemoved(TocsinError, FileNotFoundError):
    """The object was unlinked, or its file is gone: nobody will ever set it. Everyone who waits gets this."""


class ObjectDamaged(TocsinError):
    """The file is not an object of tocsin, or not any more."""


class FormatMismatch(TocsinError):
    """The object was made by a version of tocsin whose layout differs; nothing is ever reinterpreted."""


class OwnerDied(TocsinError):
    """The process that had promised to set the event died before it did. Reserved for ownership."""


class WaitCancelled(TocsinError):
    """`cancel()` ended this handle's wait. Reserved for objects that have cursors."""


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


def error(reason: int, name: str | None, at: str | None, path: str | None) -> Exception:
    """The exception for a negative `reason` of the core, about the object `name` at `at`."""
    code = -reason
    what = "the anonymous event" if name is None else f"{name!r} at {at!r}"
    if code == errno.ESHUTDOWN:
        return ValueError(f"{what} was closed: open a new handle")
    if code == errno.EDOM:
        return ValueError(f"bad mode for {what}: give 0o600 to 0o777, in which the owner may read and write")
    where = f" ({path})" if path else ""
    if code in _OURS:
        kind, mend = _OURS[code]
        return kind(f"{what}{where} {mend}")
    if code == errno.ENOENT and path and not os.path.isdir(os.path.dirname(path)):
        return FileNotFoundError(code, f"{what} has no home, its directory does not exist: make it first", path)
    if code in _STANDARD:
        standard, shown, mend = _STANDARD[code]
        return standard(shown, f"{what} {mend}", path) if path else standard(shown, f"{what} {mend}")
    return OSError(code, f"{what}: {_core.reason(reason) if code in _KNOWN else os.strerror(code)}", path)


_KNOWN = frozenset({errno.EBUSY, errno.EMFILE, errno.ENFILE, errno.ENOSPC})
