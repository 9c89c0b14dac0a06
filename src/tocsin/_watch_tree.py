"""The directories on the way to markers, watched by one inotify instance (core/objects/watch.h).

A change is a hint: it says which path to walk again, or which marker to look at, and never what is so. A branch is one
parent directory of markers, however many; it is armed by walking its path and watching each step, again and again until
a whole walk finds nothing that was not watched before it began. So whatever changes after that walk is heard of.
"""

from __future__ import annotations

import errno
import os

from tocsin import _core
from tocsin._watch_walk import Walk, not_allowed, silence_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable

    from tocsin._watch_cursor import Cursor
    from tocsin._watch_walk import Fault, Step

#: Walks until a path that never stands still is left for the next look.
WALKS = 50
#: A read of fewer bytes than these has emptied the queue: the buffer has 65,536, the longest event 272.
FULL = 65_000
#: Reads of a full buffer until everything is looked at instead.
READS = 64
#: How often a path is looked at that can't be watched: the only polling in tocsin.
POLL_NS = 50_000_000


class Branch:
    """One directory as its path names it, and the markers that are to appear in it."""

    def __init__(self, path: bytes) -> None:
        self.path = path
        self.markers: dict[bytes, Hashable] = {}  # file name: key
        self.links: list[tuple[int, bytes | None]] = []  # what it is entered for, by the numbers of directories
        self.fault: Fault | None = None
        #: Why it is looked at by the clock; None: it is watched.
        self.silent: str | None = None
        #: Directories above it that this user may not watch: whether one of them is moved is looked at once a minute.
        self.unwatched: tuple[str, ...] = ()


class Watched:
    """One directory: what of it is listened to, and for whom."""

    __slots__ = ("ends", "mask", "names", "users")

    def __init__(self) -> None:
        self.mask = 0
        self.users: dict[Branch, None] = {}
        self.names: dict[bytes, dict[Branch, None]] = {}  # names on the way of branches
        self.ends: dict[Branch, None] = {}  # branches whose markers appear here


class Tree:
    """All of a handler's branches. Its lock is the handler's: no two calls run at the same time."""

    def __init__(self, cursors: dict[int, Cursor]) -> None:
        self.watch = _core.Watch()
        self._cursors = cursors  # the handler's own: those who are to look at markers that may have changed
        self.branches: dict[Branch, None] = {}
        self.dirty: dict[Branch, None] = {}
        self.silent: dict[Branch, None] = {}
        self.next_look = 0  # at what can't be watched
        self.watched: dict[int, Watched] = {}
        self._heard: list[tuple[int, int, bytes]] = []
        self._devices: dict[int, str | None] = {}
        #: Counts the changes that mattered.
        self.version = 0
        self.overflows = 0

    def grow(self, branch: Branch) -> None:
        if branch not in self.branches:
            self.branches[branch] = self.dirty[branch] = None

    def look_at_all(self) -> None:
        """The next `refresh` trusts nothing that was heard."""
        self.dirty.update(self.branches)

    def refresh(self, *, ring: bool) -> None:
        """Hear what there is to hear, and walk the paths anew that it concerns. `ring`: there are others who wait."""
        if self.watch.read(self._heard, ring) >= FULL:
            self._read_on(ring=ring)
        if not (self._heard or self.dirty or self.silent):
            return
        matters = bool(self.dirty)
        for wd, mask, name in self._heard:  # which an exception that interrupts us leaves to whoever comes next
            if self._hear(wd, mask, name):
                matters = True
        if self.dirty or self.silent:
            matters = self._walk_anew() or matters
        if matters:
            self.version += 1
        self._heard.clear()
        if self.dirty:
            self.watch.ring()  # somebody comes back to a path that would not stand still

    def _walk_anew(self) -> bool:
        if self.silent and _core.now() >= self.next_look:
            self.dirty.update(self.silent)
        walks = bool(self.dirty)
        for branch in list(self.dirty):
            stable = self._arm(branch)
            self._doubt(branch.markers.values())
            if stable:
                self.dirty.pop(branch, None)
        self._set_alarm()
        return walks

    def _doubt(self, keys: Iterable[Hashable]) -> None:
        for cursor in list(self._cursors.values()):  # a look of another thread may come or go meanwhile
            for key in keys:
                if key in cursor.paths:
                    cursor.doubt[key] = None

    def _read_on(self, *, ring: bool) -> None:
        for _ in range(READS):
            if self.watch.read(self._heard, ring) < FULL:
                return
        self.look_at_all()
        self.watch.ring()

    def _set_alarm(self) -> None:
        if self.silent and (now := _core.now()) >= self.next_look:
            self.next_look = now + POLL_NS
            self.watch.alarm(self.next_look)

    def _hear(self, wd: int, mask: int, name: bytes) -> bool:
        """Does it concern us?"""
        found = self.watched.get(wd)
        if not name:
            return self._hear_of_itself(found, wd, mask)
        if found is None:
            return False
        matters = False
        for branch in found.names.get(name, ()):
            self.dirty[branch] = None
            matters = True
        for branch in found.ends:
            if name in branch.markers:
                self._doubt((branch.markers[name],))
                matters = True
        return matters

    def _hear_of_itself(self, found: Watched | None, wd: int, mask: int) -> bool:
        if mask & _core.WATCH_OVERFLOW:
            self.overflows += 1
            self.look_at_all()
            return True
        if found is None:
            return False
        if mask & _core.WATCH_GONE:
            del self.watched[wd]
        self.dirty.update(found.users)
        return bool(found.users)

    # -- arming

    def _arm(self, branch: Branch) -> bool:
        """Walk and watch until nothing is new. False: the path never stood still."""
        tried: set[int] = set()
        for _ in range(WALKS):
            walk = Walk(branch.path)
            branch.fault, branch.silent, branch.unwatched = walk.fault, None, ()
            found, new = self._watch(branch, walk.steps)
            tried.update(wd for wd, _ in found)
            if not new and not walk.moved:
                break
        else:
            walk.moved = True
        for device, directory in walk.devices.items():
            branch.silent = branch.silent or self._silence(device, directory)
        self._link(branch, found, tried)
        if branch.silent:
            self.silent[branch] = None
        else:
            self.silent.pop(branch, None)
        return not walk.moved

    def _watch(self, branch: Branch, steps: list[Step]) -> tuple[list[tuple[int, Step]], bool]:
        """Watch each step: the numbers, and whether something was not watched before."""
        if self.watch.error:
            branch.silent = _no_instance(self.watch.error)
            return [], False
        found, new = [], False
        for step in steps:
            mask = _core.WATCH_SELF | (_core.WATCH_ENTRIES if step.closely else 0)
            if step.directory == b"/" and not step.closely:
                continue  # nobody moves it
            wd = self.watch.add(step.directory, mask)
            if wd < 0:
                new = self._not_watched(branch, step, -wd) or new
                continue
            known = self.watched.get(wd)
            if known is None:
                known = self.watched[wd] = Watched()
            if mask & ~known.mask:
                known.mask |= mask
                new = True
            found.append((wd, step))
        return found, new

    def _not_watched(self, branch: Branch, step: Step, reason: int) -> bool:
        """True: it has just gone, walk again."""
        if reason in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
            return True
        where = os.fsdecode(step.directory)
        if reason == errno.EACCES:
            if not step.needed:
                branch.unwatched += (where,)
            elif branch.fault is None:
                name = os.fsdecode(step.name or next(iter(branch.markers), b"a marker"))
                branch.fault = not_allowed(where, "read (r), which watching needs,", name)
        elif reason == errno.ENOSPC:
            branch.silent = "this user has no inotify watch left: raise fs.inotify.max_user_watches"
        else:
            branch.silent = f"{where} can't be watched: {os.strerror(reason)}"
        return False

    def _link(self, branch: Branch, found: list[tuple[int, Step]], tried: set[int]) -> None:
        """The branch hears of these directories, and no others."""
        for wd, name in branch.links:
            self._unlink(branch, wd, name)
        tried.update(wd for wd, _ in branch.links)
        branch.links = [(wd, step.name) for wd, step in found]
        for wd, name in branch.links:
            known = self.watched[wd]
            known.users[branch] = None
            if name is None:
                known.ends[branch] = None
            else:
                known.names.setdefault(name, {})[branch] = None
        for wd in tried:
            if wd in self.watched and not self.watched[wd].users:
                del self.watched[wd]
                self.watch.remove(wd)

    def _unlink(self, branch: Branch, wd: int, name: bytes | None) -> None:
        known = self.watched.get(wd)
        if known is None:
            return
        known.users.pop(branch, None)
        known.ends.pop(branch, None)
        if name is not None and branch in known.names.get(name, ()):
            del known.names[name][branch]
            if not known.names[name]:
                del known.names[name]

    def _silence(self, device: int, directory: bytes) -> str | None:
        if device not in self._devices:
            self._devices[device] = silence_of(directory)
        return self._devices[device]


def _no_instance(reason: int) -> str:
    if reason == -errno.EMFILE:
        return "there is no inotify instance left: raise fs.inotify.max_user_instances, or the limit of descriptors"
    return f"there is no inotify: {os.strerror(-reason)}"
