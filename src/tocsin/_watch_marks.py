"""Directories that come and go, and those who wait for them: everything but what a key and a name are.

A call looks, and only when it has to wait does it watch: then it arms, looks again, and sleeps. What a waiter does
between his waking and his answer is all that he is late: few calls, and one look at what was heard of.
"""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, Any, TypeVar

from tocsin import _core
from tocsin._wait import warn_if_loop_is_running
from tocsin._watch_cursor import PRESENT, STRANGE, Cursor, state_of
from tocsin._watch_post import Post
from tocsin._watch_tree import POLL_NS
from tocsin._watch_walk import raised

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

K = TypeVar("K")
#: How long one who waits trusts that nothing came unheard: a mount over a directory has no event.
LOOK_NS = 60_000_000_000
#: Bytes of a path, with the zero at its end (limits.h).
PATH_MAX = 4096


class Marks(Post[K]):
    """Keys, and a directory for each. Its `__init__` takes absolute paths."""

    # -- looking

    def _path(self, key: K) -> bytes:
        self._live()
        return self._paths[key]

    def _present(self, key: K) -> bool:
        """One look at one marker, which counts as told."""
        present = state_of(self._path(key)) == PRESENT
        with self._lock:
            self._tell(key, present=present)
        self._quiet()
        return present

    def _quiet(self) -> None:
        """A look consumes the edge of `fileno`; what nobody has looked at yet raises it again."""
        if self._public >= 0:
            self._anything()

    def _anything(self) -> bool:
        """Is there something to tell? `fileno` is readable afterwards if there is, and else it is not."""
        with self._lock:
            self._refresh()  # which rings for everyone, so before
            ear, tree = self._public, self._tree
            while ear >= 0 and _core.watch_sleep(ear, 0):
                pass
            found = self._something()
            if found and ear >= 0 and tree is not None:
                tree.watch.ring()
            return found

    def _something(self) -> bool:
        """Is there a change that was not told? A look that fails is something to be told as well."""
        with self._lock:
            self._refresh()
            try:
                self._shown.settle()
            except OSError:
                return True
            return bool(self._shown.fresh)

    def fileno(self) -> int:
        """A descriptor that select, poll, epoll and loops find readable while there is a change that was not told.

        A hint: look, by any call of this handler, which consumes the edge when all is told. Threads that poll open a
        handler each. The handler owns the descriptor.
        """
        with self._lock:
            if self._public < 0:
                tree = self._grown(self._paths)
                self._public = self._ear(tree)
                self._shown.doubt.update(dict.fromkeys(self._paths))
                self._admit_after_refresh()
                self._quiet()
            return self._public

    def _admit_after_refresh(self) -> None:
        self._refresh()
        self._admit()

    def _is_ready(self, ticket: int = 0) -> bool:
        """Is there a change that no look has told yet?"""
        del ticket
        with self._lock:
            self._grown(self._paths)
            return self._anything()

    # -- waiting

    def _admit(self) -> None:
        """Say once that there is polling."""
        tree = self._tree
        if tree is None or self._warned or not tree.silent:
            return
        self._warned = True
        import warnings

        why = next(iter(tree.silent)).silent
        warnings.warn(
            f"markers are looked at every {POLL_NS // 1_000_000} ms, because {why}", RuntimeWarning, stacklevel=5
        )

    def _complain(self, cursor: Cursor, *, strict: bool) -> None:
        """About what can't be seen, and, when `strict`, what can't become true."""
        for key, now in cursor.now.items():
            path = self._paths[key]  # type: ignore[index]
            if now == STRANGE and strict:
                where = os.fsdecode(path)
                mend = "is not a directory, so it is no marker: remove it, or name the watchpoint otherwise"
                raise NotADirectoryError(errno.ENOTDIR, f"{where} {mend}", where)
            if len(path) >= PATH_MAX and strict:
                where = os.fsdecode(path)
                raise OSError(errno.ENAMETOOLONG, f"{where} is too long for a path: nobody can make it so", where)
            fault = self._branches[os.path.dirname(path)].fault
            if fault is not None and (strict or fault[0] is PermissionError):
                raise raised(fault)

    def _settle(self, cursor: Cursor) -> None:
        with self._lock:
            self._refresh()
            cursor.settle()

    def _at_once(self, cursor: Cursor, done: Callable[[], Any], until: int, *, strict: bool) -> Any:
        """What is so now, without watching anything that was not watched before."""
        self._live()
        self._settle(cursor)
        found = done()
        if not found and until == 0 and strict:
            self._complain(cursor, strict=True)
        return found

    def _until(self, cursor: Cursor, done: Callable[[], Any], until: int, twin: str, *, strict: bool = True) -> Any:
        """Until `done()` is true, which judges by what the cursor has settled; its last answer at the deadline.

        `strict`: what can't become true is an error.
        """
        if (found := self._at_once(cursor, done, until, strict=strict)) or until == 0:
            return found
        warn_if_loop_is_running(twin, frames=2)
        tree, ear = self._sit()
        try:
            self._join(cursor)
            looked = _core.now()
            while True:
                with self._lock:
                    self._refresh(seated=1)
                    cursor.settle()
                if tree.silent:
                    self._admit()
                if found := done():
                    return found
                self._complain(cursor, strict=strict)
                now = _core.now()
                if 0 <= until <= now:
                    return found
                if now >= looked + LOOK_NS:
                    looked = now
                    self._check_name()
                    continue
                times = [looked + LOOK_NS] + ([until] if until >= 0 else []) + ([tree.next_look] if tree.silent else [])
                _core.watch_sleep(ear, min(times))
        finally:
            self._rise(tree, ear)

    async def _until_async(self, cursor: Cursor, done: Callable[[], Any], until: int, *, strict: bool = True) -> Any:
        if (found := self._at_once(cursor, done, until, strict=strict)) or until == 0:
            return found
        from tocsin._aio import wait_change

        with self._lock:
            tree = self._join(cursor)
            self._tasks += 1
        try:
            more, ticket = True, self._refresh(seated=1)
            while True:
                with self._lock:
                    cursor.settle()
                if tree.silent:
                    self._admit()
                if (found := done()) or not more:
                    return found
                self._complain(cursor, strict=strict)
                more = await wait_change(self._as_handle(), 0, ticket, until)
                self._live()
                ticket = tree.version  # the hub has heard for us: the ticket first, and then the look
        finally:
            with self._lock:
                if self._tree is tree:
                    self._tasks -= 1

    def _until_told(self, cursor: Cursor, done: Callable[[], Any], timeout: float | None, twin: str) -> Any:
        try:
            found = self._until(cursor, done, _core.deadline(timeout), twin)
        finally:
            self._leave(cursor)
        self._told(cursor)
        return found

    async def _until_told_async(self, cursor: Cursor, done: Callable[[], Any], timeout: float | None) -> Any:
        try:
            found = await self._until_async(cursor, done, _core.deadline(timeout))
        finally:
            self._leave(cursor)
        self._told(cursor)
        return found

    def _told(self, cursor: Cursor) -> None:
        with self._lock:
            for key, now in cursor.now.items():
                self._tell(key, present=now == PRESENT)
        if self._public >= 0:
            self._quiet()

    def _tell(self, key: Any, *, present: bool) -> None:
        self._shown.doubt[key] = None  # who asks `_shown` for what is fresh settles it first
        self._shown.told[key] = present

    # -- waiting

    def _cursor(self, keys: Iterable[K]) -> Cursor:
        return Cursor({key: self._path(key) for key in keys})

    def _one(self, key: K, *, present: bool) -> tuple[Cursor, Callable[[], bool]]:
        cursor = self._cursor((key,))
        return cursor, lambda: (cursor.now.get(key) == PRESENT) == present

    def _any(self, keys: Iterable[K]) -> tuple[Cursor, Callable[[], list[K]]]:
        wanted = list(keys)
        cursor = self._cursor(wanted)
        return cursor, lambda: [key for key in wanted if cursor.now.get(key) == PRESENT]

    def _many(self, keys: Iterable[K], *, some: bool, present: bool) -> tuple[Cursor, Callable[[], bool]]:
        """Some of them, else all, are there, or else are not."""
        cursor = self._cursor(keys)
        judge = any if some else all
        return cursor, lambda: judge((now == PRESENT) == present for now in cursor.now.values())
