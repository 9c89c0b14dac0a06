"""What one who looks at markers knows of them: what each was at his last look, and which may have changed since."""

from __future__ import annotations

import errno
import os
from _stat import S_ISDIR

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable

#: What a marker's name stands for.
ABSENT, PRESENT, STRANGE = range(3)


def state_of(path: bytes) -> int:
    """STRANGE: there is something, and it is no directory. PermissionError names who can mend it."""
    try:
        mode = os.lstat(path).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return ABSENT
    except PermissionError:
        where = os.fsdecode(path)
        mend = "can't be seen by this user: ask the owner of the directories above it for permission to search them (x)"
        raise PermissionError(errno.EACCES, f"{where} {mend}", where) from None
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENAMETOOLONG):  # nothing can be there; who waits is told
            return ABSENT
        raise
    return PRESENT if S_ISDIR(mode) else STRANGE


class Cursor:
    """The looks of one who waits, or iterates. Whatever is heard puts markers in doubt; a look takes them out."""

    __slots__ = ("doubt", "fresh", "now", "paths", "told")

    def __init__(self, paths: dict[Hashable, bytes]) -> None:
        self.paths = paths
        self.doubt: dict[Hashable, None] = dict.fromkeys(paths)
        self.now: dict[Hashable, int] = {}
        #: What was told of each, and which of them are otherwise now.
        self.told: dict[Hashable, bool] = {}
        self.fresh: dict[Hashable, None] = {}

    def settle(self) -> None:
        """Look at everything that is in doubt."""
        for key in list(self.doubt):
            now = self.now[key] = state_of(self.paths[key])
            self._compare(key, present=now == PRESENT)
            del self.doubt[key]

    def tell(self, key: Hashable, *, present: bool) -> None:
        self.told[key] = present
        self._compare(key, present=self.now.get(key) == PRESENT)

    def _compare(self, key: Hashable, *, present: bool) -> None:
        if self.told.get(key, False) == present:
            self.fresh.pop(key, None)
        else:
            self.fresh[key] = None

    def doubt_of(self, keys: Iterable[Hashable]) -> None:
        for key in keys:
            if key in self.paths:
                self.doubt[key] = None

    def tell_all(self) -> None:
        """What is so now was told."""
        self.settle()
        for key, now in self.now.items():
            self.tell(key, present=now == PRESENT)
