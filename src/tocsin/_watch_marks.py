"""Directories that come and go, and those who wait for them: everything but what a key and a name are.

Threads wait by an ear each (core/objects/watch.h), tasks by their loop's hub; any of them hears for all. A call looks,
and only when it has to wait does it watch: then it arms, looks again, and sleeps.
"""

from __future__ import annotations

import contextlib
import errno
import os
import threading
import weakref
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from tocsin import _core
from tocsin._wait import warn_if_loop_is_running
from tocsin._watch_cursor import PRESENT, STRANGE, Cursor, state_of
from tocsin._watch_tree import POLL_NS, Branch, Tree
from tocsin._watch_walk import raised

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator
    from types import TracebackType
    from typing import Self

    from tocsin._object import Handle

K = TypeVar("K")
#: How long one who waits trusts that nothing came unheard: a mount over a directory has no event.
LOOK_NS = 60_000_000_000
#: Bytes of a path, with the zero at its end (limits.h).
PATH_MAX = 4096
#: Ears kept for those who wait next.
SPARE = 8


class Marks(Generic[K]):
    """Keys, and a directory for each. Its `__init__` takes absolute paths."""

    _bell: int = -1  # the descriptor by which hubs know it; -1: no task ever waited

    def __init__(self, paths: dict[K, bytes]) -> None:
        self._paths = paths
        self._closed = False
        self._branches: dict[bytes, Branch] = {}
        for key, path in paths.items():
            parent, name = os.path.split(path)
            branch = self._branches.setdefault(parent, Branch(parent))
            branch.markers[name] = key
        self._shown: Cursor = Cursor(paths)  # type: ignore[arg-type]
        with contextlib.suppress(OSError):  # said by whoever looks
            self._shown.tell_all()
        self._begin()
        _living.add(self)

    def _begin(self) -> None:
        """With nothing open; also in a forked child, where the parent's events are not for us to read."""
        self._lock = threading.RLock()
        self._tree: Tree | None = None
        self._spare: list[int] = []
        self._ears: set[int] = set()  # all, also of those who sit
        self._public = self._private = -1  # ears: `fileno`'s; that of hubs, which nobody empties
        self._sitting = 0
        self._warned = False
        self._cursors: dict[int, Cursor] = {id(self._shown): self._shown}  # of those who wait or iterate

    # -- life

    def close(self) -> None:
        """Give back what this handler holds. Later calls, and those that it finds blocked, get ValueError.

        The directories stay. May be called twice, and from any thread.
        """
        with self._lock:
            if self._closed:
                return
            self._closed = True
            if self._tree is not None:
                self._tree.watch.ring()  # those who sit keep it alive until they have heard
            for ear in (*self._spare, self._public, self._private):
                self._drop(ear)
            self._spare, self._public, self._private, self._tree = [], -1, -1, None
        if self._bell >= 0:
            from tocsin._hub import closed

            closed(self._as_handle())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        for ear in list(getattr(self, "_ears", ())):
            self._drop(ear)

    def _ear(self, tree: Tree) -> int:
        ear = tree.watch.ear()
        self._ears.add(ear)
        return ear

    def _drop(self, ear: int) -> None:
        if ear in self._ears:
            self._ears.discard(ear)
            os.close(ear)

    def _after_fork(self) -> None:
        for ear in list(self._ears):
            self._drop(ear)
        if self._tree is not None:
            self._tree.watch.close()  # not by its last reference, which threads may hold that are not here
        cursors = list(self._cursors.values())
        self._bell = -1
        self._begin()
        for cursor in cursors:
            cursor.doubt.update(dict.fromkeys(cursor.paths))
            self._cursors[id(cursor)] = cursor

    def _live(self) -> None:
        if self._closed:
            raise ValueError(f"{self!r} was closed: open a new one")

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

    # -- hearing

    def _grown(self, keys: Iterable[K]) -> Tree:
        """Watch these, from the next `_refresh` on."""
        with self._lock:
            self._live()
            if self._tree is None:
                self._tree = Tree(partial(_doubt, self._cursors))  # not a method of ours, which would be a cycle
            tree = self._tree
            for key in keys:
                tree.grow(self._branches[os.path.dirname(self._paths[key])])
            return tree

    def _refresh(self, seated: int = 0) -> int:
        """Hear what there is; the count of changes. `seated`: 1 if the caller is one of those who sit."""
        with self._lock:
            self._live()
            tree = self._tree
            if tree is None:
                return 0
            others = self._sitting > seated or self._public >= 0 or self._private >= 0
            tree.refresh(ring=others)
            return tree.version

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

    @contextlib.contextmanager
    def _seat(self) -> Iterator[int]:
        """An ear for this thread. Whoever sits keeps the tree, and so the edge of `close`, alive."""
        with self._lock:
            tree = self._grown(())
            ear = self._spare.pop() if self._spare else self._ear(tree)
            self._sitting += 1
        try:
            yield ear
        finally:
            with self._lock:
                self._sitting -= 1
                if self._tree is tree and len(self._spare) < SPARE:
                    self._spare.append(ear)
                else:
                    self._drop(ear)

    def _join(self, cursor: Cursor) -> Tree:
        """Watch what the cursor is about, and let it hear of it. What came before is to be looked at again."""
        with self._lock:
            tree = self._grown(cursor.paths)  # type: ignore[arg-type]
            if id(cursor) not in self._cursors:
                self._cursors[id(cursor)] = cursor
                cursor.doubt.update(dict.fromkeys(cursor.paths))
            return tree

    def _settle(self, cursor: Cursor, seated: int = 0) -> int:
        with self._lock:
            version = self._refresh(seated)
            cursor.settle()
            return version

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
        with self._seat() as ear:
            tree = self._join(cursor)
            looked = _core.now()
            while True:
                self._settle(cursor, seated=1)
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

    async def _until_async(self, cursor: Cursor, done: Callable[[], Any], until: int, *, strict: bool = True) -> Any:
        if (found := self._at_once(cursor, done, until, strict=strict)) or until == 0:
            return found
        from tocsin._aio import wait_change

        self._join(cursor)
        more = True
        while True:
            ticket = self._settle(cursor)
            self._admit()
            if (found := done()) or not more:
                return found
            self._complain(cursor, strict=strict)
            more = await wait_change(self._as_handle(), 0, ticket, until)

    def _leave(self, cursor: Cursor) -> None:
        self._cursors.pop(id(cursor), None)

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
        self._quiet()

    def _tell(self, key: Any, *, present: bool) -> None:
        self._shown.doubt[key] = None
        self._shown.tell(key, present=present)

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

    # -- as a descriptor, and what a hub asks of a handle

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

    def _listen(self) -> int:
        with self._lock:
            self._live()
            if self._private < 0:
                self._private = self._ear(self._grown(()))
            return self._private

    def _ticket(self) -> int:
        """For a wait over many objects: from now on all markers are watched."""
        with self._lock:
            self._grown(self._paths)
            return self._refresh()

    def _is_ready(self, ticket: int = 0) -> bool:
        """Is there a change that no look has told yet?"""
        del ticket
        with self._lock:
            self._grown(self._paths)
            return self._anything()

    def _arm(self, side: int = 0) -> int:
        del side
        return self._refresh()

    def _arm_later(self, side: int, ticket: int) -> int:
        del side
        return ticket

    @staticmethod
    def _passed(ticket: int, seen: int) -> bool:
        return ticket != seen

    @staticmethod
    def _look_again() -> int:
        return 0

    def _check_name(self) -> int:
        with self._lock:
            if self._tree is not None:
                self._tree.look_at_all()
        return 0

    def _as_handle(self) -> Handle:
        return self  # type: ignore[return-value]  # to a hub a handle is what answers the calls above

    def _stir(self) -> None:
        """Everyone who waits looks again."""
        with self._lock:
            if self._tree is not None:
                self._tree.version += 1
                self._tree.watch.ring()

    def _figures(self) -> dict[str, Any]:
        """What `stats` says."""
        with self._lock:
            self._live()
            tree = self._tree
            waiting = self._sitting
            if self._bell >= 0:
                from tocsin._hub import awaiting

                waiting += awaiting(self._as_handle())
            branches = list(tree.branches) if tree else []
            why = next((branch.silent for branch in branches if branch.silent), None)
            return {
                "how": f"looks every {POLL_NS // 1_000_000} ms" if why else "inotify",
                "why": why,
                "watches": len(tree.watched) if tree else 0,
                "overflows": tree.overflows if tree else 0,
                "unwatched": tuple(sorted({where for branch in branches for where in branch.unwatched})),
                "waiting_here": waiting,
            }


def _doubt(cursors: dict[int, Cursor], keys: Iterable[Hashable]) -> None:
    for cursor in list(cursors.values()):
        cursor.doubt_of(keys)


_living: weakref.WeakSet[Marks[Any]] = weakref.WeakSet()


def _after_fork_in_child() -> None:
    for marks in list(_living):
        marks._after_fork()


os.register_at_fork(after_in_child=_after_fork_in_child)
