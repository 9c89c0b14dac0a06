"""A listening post: what a handler of markers holds while somebody waits, and how each of them hears.

Threads wait by an ear each (core/objects/watch.h), tasks by their loop's hub; any of them hears for all.
"""

from __future__ import annotations

import contextlib
import os
import threading
import weakref
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from tocsin._fork import forget_in_child
from tocsin._watch_cursor import Cursor
from tocsin._watch_tree import POLL_NS, Branch, Tree

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType
    from typing import Self

    from tocsin._object import Handle

K = TypeVar("K")
#: Ears kept for those who wait next.
SPARE = 8


class Post(Generic[K]):
    """Its tree and its ears, its descriptor, and its life. Nothing is open before somebody waits."""

    _bell: int = -1  # the descriptor by which hubs know it; -1: no task ever waited
    _among = False  # did somebody ever wait for it among other objects?

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
        self._sitting = self._tasks = 0  # threads that wait, and tasks
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

    # -- hearing

    def _grown(self, keys: Iterable[K]) -> Tree:
        """Watch these, from the next `_refresh` on."""
        with self._lock:
            self._live()
            if self._tree is None:
                self._tree = Tree(self._cursors)
            tree = self._tree
            for key in keys:
                tree.grow(self._branches[os.path.dirname(self._paths[key])])
            return tree

    def _refresh(self, seated: int = 0) -> int:
        """Hear what there is; the count of changes. `seated`: 1 if the caller is one of those who wait.

        Who reads rings for the others. He rings for nobody when nobody else waits: his own edge would wake him again.
        """
        with self._lock:
            if self._closed:
                self._live()
            tree = self._tree
            if tree is None:
                return 0
            tree.refresh(ring=self._sitting + self._tasks > seated or self._public >= 0 or self._among)
            return tree.version

    def _sit(self) -> tuple[Tree, int]:
        """An ear for this thread. Whoever sits keeps the tree, and so the edge of `close`, alive."""
        with self._lock:
            tree = self._grown(())
            ear = self._spare.pop() if self._spare else self._ear(tree)
            self._sitting += 1
            return tree, ear

    def _rise(self, tree: Tree, ear: int) -> None:
        with self._lock:
            if self._tree is tree:  # else closed; or we are a forked child, which counts anew
                self._sitting -= 1
                if len(self._spare) < SPARE:
                    self._spare.append(ear)
                    return
            self._drop(ear)

    def _join(self, cursor: Cursor) -> Tree:
        """Watch what the cursor is about, and let it hear of it. What came before is to be looked at again."""
        with self._lock:
            tree = self._grown(cursor.paths)  # type: ignore[arg-type]
            if id(cursor) not in self._cursors:
                self._cursors[id(cursor)] = cursor
                cursor.doubt.update(dict.fromkeys(cursor.paths))
            return tree

    def _leave(self, cursor: Cursor) -> None:
        self._cursors.pop(id(cursor), None)

    # -- what a hub asks of a handle

    def _listen(self) -> int:
        with self._lock:
            self._live()
            if self._private < 0:
                self._private = self._ear(self._grown(()))
            return self._private

    def _ticket(self) -> int:
        """For a wait over many objects: from now on all markers are watched."""
        with self._lock:
            self._among = True
            self._grown(self._paths)
            return self._refresh()

    def _arm(self, side: int = 0) -> int:
        del side  # of its bell: it has one. Whoever asks does so for a task that waits
        return self._refresh(min(1, self._tasks))

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


_living: weakref.WeakSet[Post[Any]] = weakref.WeakSet()


def _after_fork_in_child() -> None:
    for post in list(_living):
        post._after_fork()


forget_in_child(_after_fork_in_child)
