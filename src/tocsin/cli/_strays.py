"""What lies in a place and belongs to no object: files of the dead, bells of what is gone, and `.tocsin.owners`."""

from __future__ import annotations

import errno
import os
import stat
import time

from tocsin import _core
from tocsin.cli._findings import About, Finding, looks_like_ours

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

OWNERS = ".tocsin.owners"  # core/parts/owner.h
#: A maker names its file within milliseconds; a hidden one that is older was left by a dead maker.
ABANDONED_S = 60.0

_HEXADECIMAL = frozenset("0123456789abcdef")
_DIGITS = frozenset("0123456789")


def strays(folder: str, prefix: str, at_words: str) -> Iterator[Finding]:
    """Of one folder of a place; OSError if it can't be read."""
    with os.scandir(folder) as found:
        hidden = sorted(entry.name for entry in found if entry.name.startswith("."))
    for leaf in hidden:
        path = os.path.join(folder, leaf)
        if leaf == OWNERS:
            yield from _owners(folder, path, at_words)
        elif leaf.startswith(f".{prefix}"):
            parts = split(leaf)
            if parts is not None and _is_stray(folder, path, *parts):
                whose = parts[0].removeprefix(prefix).replace("!", "/") if prefix else parts[0]
                what = f"left behind by an object {whose!r} that is gone"
                yield Finding(About(path), what, f"tocsin check --repair{at_words}", _remover(path))


def split(leaf: str) -> tuple[str, int, str] | None:
    """`.NAME.<id>.<rest>`, as objects name what belongs to them: the name, the id and the rest; None: not ours."""
    stem, _, rest = leaf[1:].rpartition(".")
    if rest == "new" and stem.endswith(".bell"):
        stem, rest = stem.removesuffix(".bell"), "bell.new"
    name, _, identity = stem.rpartition(".")
    if name and len(identity) == 16 and _HEXADECIMAL.issuperset(identity) and _is_part(rest):
        return name, int(identity, 16), rest
    return None


def _is_part(rest: str) -> bool:
    """A bell, what a maker that was killed left of an object or a bell, a value's file, a segment."""
    if rest in ("bell", "bell.new", "new"):
        return True
    if rest.startswith("v"):
        return len(rest) == 17 and _HEXADECIMAL.issuperset(rest[1:])
    return 0 < len(rest) <= 10 and _DIGITS.issuperset(rest)


def _is_stray(folder: str, path: str, name: str, identity: int, rest: str) -> bool:
    try:
        if rest.endswith("new"):
            return time.time() - os.lstat(path).st_mtime > ABANDONED_S
        if _lives(os.path.join(folder, name), identity):
            return False
        os.lstat(path)  # else it went with its object while we looked
    except OSError:
        return False
    return True


def _lives(path: str, identity: int) -> bool:
    """Is it, or may it be, a part of the object at `path`?"""
    found = _core.look_at(os.fsencode(path))
    if isinstance(found, int):
        # What can't be looked at, or is damaged itself, keeps what is its own; a stranger's has nothing here.
        return found in (-errno.EACCES, -errno.EPERM) or looks_like_ours(path)
    return bool(found["id"] == identity)


def _remover(path: str) -> Callable[[], str]:
    def remove() -> str:
        is_folder = stat.S_ISDIR(os.lstat(path).st_mode)
        (os.rmdir if is_folder else os.unlink)(path)
        return "removed"

    return remove


def _owners(folder: str, path: str, at_words: str) -> Iterator[Finding]:
    """Who holds something in this folder has a lock on one byte of it (docs/design/owner.md)."""
    try:
        file = os.lstat(path)
        shared = os.stat(folder).st_mode & 0o077
    except OSError:
        return
    mend = f"tocsin check --repair{at_words}"
    if not stat.S_ISREG(file.st_mode):
        # Nobody can have a lock in it, so nobody dies of its going.
        def remove() -> str:
            (os.rmdir if stat.S_ISDIR(file.st_mode) else os.unlink)(path)
            return "removed: the next who needs it makes it anew"

        what = "it is no regular file, so nobody can hold anything in this place"
        yield Finding(About(path), what, mend, remove)
    elif file.st_mode & 0o444 != 0o444 and (shared or file.st_mode & 0o400 == 0):

        def allow() -> str:
            os.chmod(path, 0o644)
            return "made readable for all"

        what = f"its permissions, {file.st_mode & 0o777:04o}, keep others from holding anything in this place"
        yield Finding(About(path), what, mend, allow)
