"""From a path to the directories that decide what it means: one walk, as the kernel would do it, written down.

Each step is a directory, the name that is looked up in it, and how closely it must be watched for the path to be
known to mean the same. Nothing is remembered and nothing is watched here.
"""

from __future__ import annotations

import errno
import os
from _stat import S_ISDIR, S_ISLNK

from tocsin import _core

TYPE_CHECKING = False
if TYPE_CHECKING:
    #: What to raise for it: class, errno, message, file name. Not an exception, which would keep its first traceback.
    Fault = tuple[type[OSError], int, str, str]

#: Links that a path may lead through: the kernel's own limit (path_resolution(7)).
LINKS = 40

#: What a name was found to be; END: there is none, the markers' names are looked up here.
DIRECTORY, LINK, UP, NOTHING, OTHER, END = range(6)

#: File systems whose changes on other hosts, or behind the kernel's back, inotify doesn't tell (linux/magic.h).
SILENT = {
    0x6969: "NFS",
    0xFF534D42: "CIFS",
    0xFE534D42: "SMB",
    0x517B: "SMB",
    0x01021997: "9p",
    0x65735546: "FUSE",
    0x00C36400: "Ceph",
    0x0BD00BD0: "Lustre",
    0x47504653: "GPFS",
    0x01161970: "GFS2",
    0x7461636F: "OCFS2",
    0x5346414F: "AFS",
    0x6B414653: "AFS",
    0x73757245: "Coda",
    0x786F4256: "vboxsf",
}


class Step:
    """Look `name` up in `directory`. None: the markers' names are looked up in it, it is the end of the path."""

    __slots__ = ("closely", "directory", "kind", "name", "needed")

    def __init__(self, directory: bytes, name: bytes | None, kind: int) -> None:
        self.directory = directory
        self.name = name
        self.kind = kind
        #: Entries must be watched, not only whether the directory itself moves.
        self.closely = kind != DIRECTORY
        #: Without being watched it would never be known what comes: by the names in it alone.
        self.needed = kind in (NOTHING, OTHER, END)


class Walk:
    """Where a path led to at this moment, and why not further."""

    def __init__(self, path: bytes) -> None:
        self.steps: list[Step] = []
        self.fault: Fault | None = None
        #: It changed under the walk: walk again.
        self.moved = False
        #: One directory of each file system on the way.
        self.devices: dict[int, bytes] = {}
        try:
            self._go(path)
        except (FileNotFoundError, NotADirectoryError):
            self.moved = True
        except OSError as error:
            where = os.fsdecode(error.filename or path)
            self.fault = (type(error), error.errno or errno.EIO, f"{where}: {error.strerror}", where)
        steps = self.steps
        for i, step in enumerate(steps):
            # A directory can't be removed while the next one is in it. But the last one can be, and one that a link or
            # a ".." leads out of; and it may be removed without a word of its own while somebody works in it.
            if i + 1 == len(steps) or steps[i + 1].kind != DIRECTORY:
                step.closely = True

    def _go(self, path: bytes) -> None:
        at, links = b"/", 0
        self.devices[os.lstat(at).st_dev] = at
        names = path.split(b"/")[::-1]
        while names:
            name = names.pop()
            if name in (b"", b"."):
                continue
            if name == b"..":
                self.steps.append(Step(at, name, UP))
                at = os.path.dirname(at)
                continue
            below = os.path.join(at, name)
            kind = self._look(at, name, below)
            if kind is None:
                return
            self.steps.append(Step(at, name, kind))
            if kind == DIRECTORY:
                at = below
            elif kind == LINK:
                links += 1
                if links > LINKS:
                    mend = "leads through too many links, perhaps in a circle: mend the links"
                    self.fault = (OSError, errno.ELOOP, f"{os.fsdecode(path)} {mend}", os.fsdecode(below))
                    return
                target = os.readlink(below)
                names += target.split(b"/")[::-1]
                if target[:1] == b"/":
                    at = b"/"
            else:
                return
        self.steps.append(Step(at, None, END))

    def _look(self, at: bytes, name: bytes, below: bytes) -> int | None:
        try:
            found = os.lstat(below)
        except FileNotFoundError:
            os.lstat(at)  # or it was the directory that went, and everything is to be looked at again
            return NOTHING
        except PermissionError:
            self.fault = not_allowed(os.fsdecode(at), "searched (x)", os.fsdecode(name))
            return None
        if S_ISDIR(found.st_mode):
            self.devices.setdefault(found.st_dev, below)
            return DIRECTORY
        if S_ISLNK(found.st_mode):
            return LINK
        where = os.fsdecode(below)
        mend = "is not a directory, and markers are to appear below it: remove it, or name another path"
        self.fault = (NotADirectoryError, errno.ENOTDIR, f"{where} {mend}", where)
        return OTHER


def not_allowed(where: str, how: str, name: str) -> Fault:
    mend = f"the directory {where} may not be {how} by this user, so {name} can't be seen in it: ask its owner"
    return PermissionError, errno.EACCES, mend, where


def raised(fault: Fault) -> OSError:
    kind, number, text, where = fault
    return kind(number, text, where)


def silence_of(directory: bytes) -> str | None:
    """Why changes in the directory's file system may come without a word. None: they don't."""
    kind = SILENT.get(_core.file_system(directory))
    return kind and f"{os.fsdecode(directory)} is on {kind}, which does not tell of changes made elsewhere"
