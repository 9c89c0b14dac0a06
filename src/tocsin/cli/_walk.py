"""Everything that lies in a place, looked at once. Makes nothing, and survives whatever else lies there."""

from __future__ import annotations

import errno
import os
from time import monotonic

from tocsin import _core
from tocsin._errors import FormatMismatch, ObjectDamaged, TocsinError, WrongKind
from tocsin._place import door, effective, encode_at, is_far, place_dir, resolve, shown
from tocsin.cli._exit import Failure, Usage
from tocsin.cli._kinds import describe, kind_of
from tocsin.cli._kinds import find as find_object

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tocsin.cli._common import Row
    from tocsin.cli._kinds import Found

_MAGIC = b"TOCSIN\0\1"
#: What is said of a file that the core has refused.
_STATES = {
    errno.EUCLEAN: "damaged",
    errno.EPROTO: "another version's",
    errno.EMEDIUMTYPE: "not an object",
    errno.ELOOP: "not an object",
    errno.ENXIO: "not an object",
    errno.EACCES: "no permission",
    errno.EPERM: "no permission",
}


_REFUSED = {ObjectDamaged: "damaged", FormatMismatch: "another version's", WrongKind: "not an object"}


class Seen:
    """A name in a place: an object (`found`: all that its file says), or something else (`state` says what)."""

    __slots__ = ("at", "found", "is_far", "name", "path", "state", "when")

    def __init__(  # noqa: PLR0913 - a row of what was seen
        self, name: str, at: str, path: str, found: Found | None, state: str | None, *, is_far: bool = False
    ) -> None:
        self.name = name
        self.at = at
        self.path = path  # on a server: its key
        self.is_far = is_far
        self.found = found
        self.state = state
        self.when = monotonic()

    @property
    def key(self) -> tuple[str, int]:
        """Of this incarnation."""
        return self.path, self.found["id"] if self.found else 0

    def row(self) -> Row:
        row: Row = dict.fromkeys(("kind", "name", "at", "state", "generation", "depth", "rate", "mode", "created"))
        row.update(name=self.name, at=self.at, state=self.state)
        if self.found is not None:
            row.update(kind=kind_of(self.found), mode=f"{self.found['mode']:04o}")
            row["created"] = self.found["created_ns"] / 1e9
            row.update(describe(self.found))
            del row["there"]
        return row


class Place:
    """A directory to look through, and which of the names in it."""

    def __init__(self, at: str, folder: str, prefix: str, pattern: str | None) -> None:
        self.at = at
        self.folder = folder
        self.prefix = prefix
        self.pattern = pattern

    def look(self, troubles: list[OSError]) -> Iterator[Seen]:
        """A place that is not there is empty. `troubles`: folders that can't be read. Failure: it can't itself."""
        wanted = _matcher(self.pattern)
        found = folders(self.folder, self.prefix, troubles.append)
        for name, entry in (one for _, names in found for one in names):
            if wanted is None or wanted(name):
                seen = _look(name, self.at, entry)
                if seen is not None:
                    yield seen


class FarPlace:
    """A server to look through. One that can't be reached is Unreachable."""

    def __init__(self, url: str, pattern: str | None) -> None:
        self.at = shown(url)
        self.url = url
        self.pattern = pattern

    def look(self, troubles: list[OSError]) -> Iterator[Seen]:  # noqa: ARG002 - there are no folders to be shut
        wanted = _matcher(self.pattern)
        for name in door(self.url).names(self.url):
            if wanted is None or wanted(name):
                try:
                    yield find(name, self.url)
                except FileNotFoundError:
                    pass  # gone while we looked
                except TocsinError as error:
                    state = next((text for kind, text in _REFUSED.items() if isinstance(error, kind)), None)
                    if state is None:
                        raise
                    yield Seen(name, self.at, f"{self.at} {name}", None, state, is_far=True)


def find(name: str, at: str | None) -> Seen:
    """The object, wherever it is. FileNotFoundError: there is none."""
    found = find_object(name, at)
    if not is_far(name, at):
        return Seen(name, shown(at), resolve(name, at), found, None)
    return Seen(name, shown(at), door(at).key(name, at), found, None, is_far=True)


def places(words: list[str], at: str | None) -> list[Place | FarPlace]:
    """What `ls` and `top` are to look at: patterns of names at `at`, and paths: of directories, which are places,
    and of files, or patterns of files, in one."""
    there = effective(at) if is_far("x", at) else None
    if there is None:
        encode_at(at)
    found: list[Place | FarPlace] = []
    asked: list[str | None] = [*words] or [None]
    for word in asked:
        if word is None or not word.startswith(("/", "./", "../")):
            if there is not None:
                found.append(FarPlace(there, word))
                continue
            folder, prefix = place_dir(at)
            found.append(Place(effective(at), folder, prefix, word))
            continue
        if at is not None:
            raise Usage(f"{word}: a path says itself where it is, so --at {shown(at)} can't be meant")
        path = os.path.abspath(word)
        if os.path.isdir(path):
            found.append(Place(path, path, "", None))
        else:
            folder, leaf = os.path.split(path)
            found.append(Place(folder, folder, "", leaf))
    return found


def look(asked: list[Place | FarPlace], troubles: list[OSError]) -> list[Seen]:
    """Sorted by name; who stands in several of the places stands here once."""
    seen = {one.path: one for place in asked for one in place.look(troubles)}
    return sorted(seen.values(), key=lambda one: (one.at, one.name))


def _matcher(pattern: str | None) -> Callable[[str], object] | None:
    if pattern is None:
        return None
    if not any(c in pattern for c in "*?["):
        return pattern.__eq__
    from fnmatch import translate
    from re import compile as compiled

    return compiled(translate(pattern)).match


def folders(
    top: str, prefix: str, trouble: Callable[[OSError], object]
) -> Iterator[tuple[str, list[tuple[str, os.DirEntry[str]]]]]:
    """Each folder of a place, and in it, by the name that an object there would have, all that is no folder."""
    waiting = [(top, "")]
    while waiting:
        folder, above = waiting.pop()
        try:
            with os.scandir(folder) as found:
                entries = list(found)
        except FileNotFoundError:
            continue  # nobody made anything here yet, or it went while we looked
        except OSError as error:
            if folder == top:
                raise Failure(f"{folder}: {error.strerror}: the place can't be read") from None
            trouble(error)
            continue
        named, below = [], []
        for entry in entries:
            # What begins with a dot belongs to an object, and is none itself.
            if entry.name.startswith(".") or not entry.name.startswith(prefix):
                continue
            if entry.is_dir(follow_symlinks=False):
                if not prefix:  # the system place has no folders: "/" is written "!"
                    below.append((entry.path, f"{above}{entry.name}/"))
            elif prefix:
                named.append((entry.name.removeprefix(prefix).replace("!", "/"), entry))
            else:
                named.append((above + entry.name, entry))
        waiting += sorted(below)
        yield folder, named


def _look(name: str, at: str, entry: os.DirEntry[str]) -> Seen | None:
    """None: gone while we looked."""
    path = entry.path
    if not entry.is_file(follow_symlinks=False):  # a device may do something when it is opened
        return Seen(name, at, path, None, "not an object")
    found = _core.look_at(os.fsencode(path))
    if not isinstance(found, int):
        return Seen(name, at, path, found, None)
    if found == -errno.ENOENT:
        return None
    state = _STATES.get(-found, "can't be read")
    if state == "damaged" and not _begins_like_ours(path):
        state = "not an object"
    return Seen(name, at, path, None, state)


def _begins_like_ours(path: str) -> bool:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return os.read(fd, len(_MAGIC)) == _MAGIC
    except OSError:
        return False
    finally:
        os.close(fd)
