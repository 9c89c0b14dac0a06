"""What one who looks at markers knows of them: what each was at his last look, and which may have changed since."""

from __future__ import annotations

import errno
import os

from tocsin import _core

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Hashable
    from typing import NoReturn

#: What a marker's name stands for.
ABSENT, PRESENT, STRANGE = range(3)


def state_of(path: bytes) -> int:
    """STRANGE: there is something, and it is no directory. PermissionError names who can mend it."""
    state: int = _core.watch_look(path)
    if state < 0:
        _fail(path, -state)
    return state


def _fail(path: bytes, reason: int) -> NoReturn:
    where = os.fsdecode(path)
    if reason == errno.EACCES:
        mend = "can't be seen by this user: ask the owner of the directories above it for permission to search them (x)"
        raise PermissionError(reason, f"{where} {mend}", where)
    raise OSError(reason, os.strerror(reason), where)


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
            if (now := _core.watch_look(self.paths[key])) < 0:
                _fail(self.paths[key], -now)
            self.now[key] = now
            if self.told.get(key, False) == (now == PRESENT):
                self.fresh.pop(key, None)
            else:
                self.fresh[key] = None
            del self.doubt[key]

    def tell(self, key: Hashable, *, present: bool) -> None:
        self.told[key] = present
        if (self.now.get(key) == PRESENT) == present:
            self.fresh.pop(key, None)
        else:
            self.fresh[key] = None

    def tell_all(self) -> None:
        """What is so now was told."""
        self.settle()
        for key, now in self.now.items():
            self.tell(key, present=now == PRESENT)
