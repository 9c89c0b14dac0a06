"""Watchpoint and WatchpointHandler: directories as markers of how far things have come, made by anybody."""

from __future__ import annotations

import contextlib
import enum
import errno
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

from tocsin._watch_changes import Changes
from tocsin._watch_cursor import ABSENT, PRESENT, STRANGE, state_of
from tocsin._watch_marks import Marks

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tocsin._stats import WatchpointStats

    Key = str | int | enum.Enum

#: What a marker's directory is called after its name.
SUFFIX = ".watch"
#: Bytes of a file name (limits.h).
NAME_MAX = 255
#: How often `create` makes parents that somebody else removes again.
TRIES = 100


@dataclass(frozen=True)
class Watchpoint:
    """A directory `<path>/<name>.watch/` that says by being there that something is so. A plain value.

    Args:
        key: what a handler calls it: a str, an int, or a member of an enum.
        path: the directory in which it appears; it need not exist. A handler takes a relative one from where the
            process works when the handler is made.
        name: what the directory is called, before ".watch". None: the key, which must be a str then.

    Raises:
        TypeError: a key that is no str and has no name; another type than these.
        ValueError: a name that is empty, "." or "..", has a slash or a NUL in it, or is too long for a directory.
    """

    key: Key
    path: str
    name: str

    def __init__(self, key: Key, path: str | os.PathLike[str], name: str | None = None) -> None:
        if isinstance(key, bool) or not isinstance(key, (str, int, enum.Enum)):
            raise TypeError(f"a watchpoint's key is a str, an int or a member of an enum, not {key!r}")
        if name is None:
            if not isinstance(key, str):
                raise TypeError(f"the watchpoint {key!r} needs a name: only a key that is a str is its own name")
            name = str(key.value) if isinstance(key, enum.Enum) else key
        if not isinstance(name, str):
            raise TypeError(f"the watchpoint {key!r} has a name that is no str: {name!r}")
        where = os.fspath(path)
        if not isinstance(where, str):
            raise TypeError(f"the watchpoint {key!r} has a path that is no str: {where!r}")
        for fault in _faults(name, where):
            raise ValueError(f"the watchpoint {key!r} can't be: {fault}")
        object.__setattr__(self, "key", key)
        object.__setattr__(self, "path", where)
        object.__setattr__(self, "name", name)

    @property
    def directory(self) -> str:
        """The marker itself, as a path: as relative as `path` is."""
        return os.path.join(self.path, self.name + SUFFIX)


def _faults(name: str, path: str) -> Iterable[str]:
    if name in ("", ".", ".."):
        yield f"{name!r} is no name for a directory"
    if "/" in name:
        yield f"the name {name!r} has a slash in it: directories belong into the path"
    if "\0" in name or "\0" in path:
        yield "there is a NUL character in it"
    if not path:
        yield "the path is empty: say '.' for the directory that the process works in"
    if len(os.fsencode(name + SUFFIX)) > NAME_MAX:
        yield f"the name is longer than the {NAME_MAX - len(SUFFIX)} bytes that a directory's may have"


class WatchpointHandler(Marks[Any]):
    """Make, remove and await markers: directories, which `mkdir`, Python, and anything else can make.

    A marker is there or it isn't, for every process that can see the directory. `create` and `remove` are atomic
    claims: of all who try at the same time exactly one is told that it was he. A wait ends as soon as the marker is
    there, whoever made it: `mkdir -p` in a shell, another user, a rename, also when the directories above it did not
    exist, were moved or replaced. It sleeps until the kernel says that something has changed (inotify, one
    instance for a handler, none until somebody waits), and then looks; so it never believes what is not so.

    The races it removes: a loop of `os.path.exists` and `sleep` is late, and burns processor; inotify alone misses
    what came before the watch, what `mkdir -p` made at once, and what it could not queue. A marker that comes and
    goes between two looks may pass unseen: markers are states. For moments use `Signal`.

    Where the kernel can't tell (no inotify instance left, a network file system), it looks every 50 ms, says so by one
    RuntimeWarning, and in `stats()`.

    Args:
        watchpoints: the markers that this handler knows, as in the programs that it works with. It takes no others.

    Raises:
        ValueError: a key twice, or two watchpoints that are one directory. TypeError: something that is no Watchpoint.
    """

    def __init__(self, watchpoints: Iterable[Watchpoint]) -> None:
        points: dict[Any, Watchpoint] = {}
        paths: dict[Any, bytes] = {}
        homes: dict[str, Watchpoint] = {}
        for point in watchpoints:
            if not isinstance(point, Watchpoint):
                raise TypeError(f"a handler takes Watchpoints, not {point!r}")
            if point.key in points:
                raise ValueError(f"the key {point.key!r} is given twice")
            whole = os.path.join(os.getcwd(), point.directory) if point.path[:1] != "/" else point.directory
            parent, name = os.path.split(whole)
            home = os.path.join(os.path.realpath(parent), name)
            if home in homes:
                raise ValueError(f"{homes[home].key!r} and {point.key!r} are one directory: {home}")
            points[point.key] = homes[home] = point
            paths[point.key] = os.fsencode(whole)
        self.watchpoints: tuple[Watchpoint, ...] = tuple(points.values())
        super().__init__(paths)

    def _path(self, key: Any) -> bytes:
        try:
            return super()._path(key)
        except (KeyError, TypeError):
            known = ", ".join(map(repr, self._paths)) or "none"
            raise KeyError(f"there is no watchpoint {key!r} in this handler, which knows {known}") from None

    # -- the markers

    def create(self, key: Key) -> bool:
        """Make the marker, and the directories above it: True if this very call did, False if it was there already.

        Raises FileExistsError when something else has its name, which is left alone; PermissionError and
        NotADirectoryError when it can't be made; KeyError for an unknown key.
        """
        path = self._path(key)
        made = _make(path)
        self._seen(key)
        return made

    def remove(self, key: Key) -> bool:
        """Remove the marker: True if this very call did, False if there was none. The directories above it stay.

        Only an empty directory is ever removed: NotADirectoryError for anything else, OSError (ENOTEMPTY) when
        there is something in it; PermissionError when it can't be removed; KeyError for an unknown key.
        """
        path = self._path(key)
        removed = _remove(path)
        self._seen(key)
        return removed

    def _seen(self, key: Key) -> None:
        """Nobody needs to be told of his own doing. What it is now may be somebody else's already."""
        with contextlib.suppress(OSError):
            self._present(key)

    def exists(self, key: Key) -> bool:
        """Is the marker there at this moment? Anything but a directory is none. KeyError for an unknown key."""
        return self._present(key)

    # -- waiting

    def wait(self, key: Key, timeout: float | None = None) -> bool:
        """Wait until the marker is there. False if it is not after `timeout` seconds; 0 or less looks once.

        Raises what stands in the way: NotADirectoryError (a file in place of the marker or of a directory above it),
        PermissionError (a directory that may not be read: watching needs that). KeyError for an unknown key.
        """
        cursor, done = self._one(key, present=True)
        return bool(self._until_told(cursor, done, timeout, "wait_async"))

    def wait_removed(self, key: Key, timeout: float | None = None) -> bool:
        """Wait until the marker is not there; as `wait`. It was never there: True at once."""
        cursor, done = self._one(key, present=False)
        return bool(self._until_told(cursor, done, timeout, "wait_removed_async"))

    def wait_any(self, *keys: Key, timeout: float | None = None) -> list[Key]:
        """Wait until one of these markers is there, of all if none is named: those that are, in the order given.

        Empty when none is after `timeout` seconds. Errors as `wait`.
        """
        cursor, done = self._any(self._named(keys))
        found: list[Key] = self._until_told(cursor, done, timeout, "wait_any_async")
        return found

    def wait_all(self, *keys: Key, timeout: float | None = None) -> bool:
        """Wait until these markers, all if none is named, are there, each at the last look at it. Errors as `wait`.

        Each change is looked at when it is heard of. Markers that come and go are judged one by one, as no file system
        shows two directories at one instant.
        """
        cursor, done = self._many(keys or self._paths, some=False, present=True)
        return bool(self._until_told(cursor, done, timeout, "wait_all_async"))

    async def wait_async(self, key: Key, timeout: float | None = None) -> bool:
        """`wait`, on asyncio, uvloop and trio. Safe to cancel."""
        cursor, done = self._one(key, present=True)
        return bool(await self._until_told_async(cursor, done, timeout))

    async def wait_removed_async(self, key: Key, timeout: float | None = None) -> bool:
        """`wait_removed`, on asyncio, uvloop and trio. Safe to cancel."""
        cursor, done = self._one(key, present=False)
        return bool(await self._until_told_async(cursor, done, timeout))

    async def wait_any_async(self, *keys: Key, timeout: float | None = None) -> list[Key]:
        """`wait_any`, on asyncio, uvloop and trio. Safe to cancel."""
        cursor, done = self._any(self._named(keys))
        found: list[Key] = await self._until_told_async(cursor, done, timeout)
        return found

    async def wait_all_async(self, *keys: Key, timeout: float | None = None) -> bool:
        """`wait_all`, on asyncio, uvloop and trio. Safe to cancel."""
        cursor, done = self._many(keys or self._paths, some=False, present=True)
        return bool(await self._until_told_async(cursor, done, timeout))

    def _named(self, keys: tuple[Key, ...]) -> Iterable[Key]:
        if not keys and not self._paths:
            raise ValueError("this handler has no watchpoints: one of none will never be there")
        return keys or self._paths

    def changes(self, *, replay: bool = False) -> Changes[Any]:
        """The changes from now on, as an iterator for `for` and `async for`: pairs of a key and whether it is there.

        Each iterator hears all of them. `replay=True`: first those that are there now. What comes and goes between two
        steps may pass unseen, and the last pair for each key is what is so. `cancel()` ends it, from any thread.
        Raises PermissionError when a directory may not be read.
        """
        return Changes(self, replay=replay)

    # -- what it tells

    def stats(self) -> WatchpointStats:
        """How this handler hears at this instant, and who waits on it: for debugging, and for tests."""
        from tocsin._stats import WatchpointStats

        return WatchpointStats(watchpoints=len(self._paths), **self._figures())

    def __repr__(self) -> str:
        count = f"{len(self._paths)} watchpoint{'s' * (len(self._paths) != 1)}"
        if self._closed:
            return f"<tocsin.WatchpointHandler of {count}: closed>"
        there = 0
        for path in self._paths.values():
            with contextlib.suppress(OSError):
                there += state_of(path) == PRESENT
        return f"<tocsin.WatchpointHandler of {count}: {there} there>"

    def __reduce__(self) -> tuple[Any, ...]:
        """A copy opens its own: with the same paths, wherever its process works."""
        points = []
        for point in self.watchpoints:
            path = os.path.dirname(os.fsdecode(self._paths[point.key]))
            points.append(Watchpoint(point.key, path, point.name))
        return type(self), (points,)


def _make(path: bytes) -> bool:
    where = os.fsdecode(path)
    for _ in range(TRIES):
        try:
            os.mkdir(path)
        except FileExistsError:
            if state_of(path) != STRANGE:  # absent: somebody removed it just now, and it was not ours
                return False
            mend = "is there, and is not a directory, so it is no marker: remove it, or name the watchpoint otherwise"
            raise FileExistsError(errno.EEXIST, f"{where} {mend}", where) from None
        except FileNotFoundError:
            _make_parents(path)
        except NotADirectoryError:
            _fail_not_a_directory(path)
        except PermissionError as error:
            _fail_not_allowed(error, path, "made")
        else:
            return True
    raise FileNotFoundError(errno.ENOENT, f"{where} can't be made: its directories are removed again and again", where)


def _make_parents(path: bytes) -> None:
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
    except (FileNotFoundError, FileExistsError, NotADirectoryError):
        _fail_not_a_directory(path)  # or somebody removes them at the same time: once more
    except PermissionError as error:
        _fail_not_allowed(error, path, "made")


def _remove(path: bytes) -> bool:
    where = os.fsdecode(path)
    try:
        os.rmdir(path)
    except FileNotFoundError:
        return False
    except NotADirectoryError:
        if state_of(path) == ABSENT:
            return False  # a file stands where a directory above it would be
        mend = "is not a directory, so it is no marker, and stays: remove it by hand"
        raise NotADirectoryError(errno.ENOTDIR, f"{where} {mend}", where) from None
    except PermissionError as error:
        _fail_not_allowed(error, path, "removed")
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
        mend = "is not empty, so it stays: a marker is an empty directory; look what is in it"
        raise OSError(errno.ENOTEMPTY, f"{where} {mend}", where) from None
    return True


def _fail_not_a_directory(path: bytes) -> None:
    """Name the part of the path that is no directory. If that has changed meanwhile, return."""
    part = path
    while (part := os.path.dirname(part)) != b"/":
        if os.path.lexists(part) and not os.path.isdir(part):
            where = os.fsdecode(part)
            mend = f"is not a directory, so {os.fsdecode(path)} can't be below it: remove it, or name another path"
            raise NotADirectoryError(errno.ENOTDIR, f"{where} {mend}", where)


def _fail_not_allowed(error: OSError, path: bytes, what: str) -> NoReturn:
    where = os.fsdecode(path)
    named = os.fsdecode(error.filename or path)
    parent = os.path.dirname(named)
    mend = f"ask the owner of {parent} for permission to write and search it (wx)"
    raise PermissionError(error.errno, f"{where} can't be {what} by this user: {mend}", named) from None
