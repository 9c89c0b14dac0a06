"""The changes of a handler's markers, one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from tocsin._watch_cursor import PRESENT, Cursor

if TYPE_CHECKING:
    from typing import Self

    from tocsin._watch_marks import Marks

K = TypeVar("K")
FOREVER = -1


class Changes(Generic[K]):
    """An iteration over changes, for `for` and `async for`: (key, is it there).

    An object, not a generator: an exception ends a step, and the next step goes on. It has a place of its own: two of
    them both hear everything. Threads may share one; each change goes to one of them then.
    """

    def __init__(self, marks: Marks[K], *, replay: bool = False) -> None:
        self._marks = marks
        self._cancelled = False
        self._cursor = Cursor(marks._paths)  # type: ignore[arg-type]
        marks._join(self._cursor)
        marks._settle(self._cursor)
        marks._admit()
        marks._complain(self._cursor, strict=False)
        if not replay:
            with marks._lock:
                self._cursor.tell_all()

    def __del__(self) -> None:
        if hasattr(self, "_cursor"):
            self._marks._leave(self._cursor)

    def cancel(self) -> None:
        """End this iteration, now and for good. From any thread; nobody else notices."""
        self._cancelled = True
        self._marks._stir()

    def look(self) -> list[tuple[K, bool]]:
        """All changes that were not told yet, without waiting: for loops that watch the handler's `fileno()`."""
        self._marks._settle(self._cursor)
        told = []
        while not self._cancelled and (found := self._take()) is not None:
            told.append(found)
        self._marks._quiet()
        return told

    def _take(self) -> tuple[K, bool] | None:
        with self._marks._lock:
            cursor = self._cursor
            for key in cursor.fresh:
                present = cursor.now[key] == PRESENT
                cursor.tell(key, present=present)
                self._marks._tell(key, present=present)
                return key, present  # type: ignore[return-value]
        return None

    def _done(self) -> bool:
        return self._cancelled or bool(self._cursor.fresh)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> tuple[K, bool]:
        while True:
            self._marks._until(self._cursor, self._done, FOREVER, "async for", strict=False)
            if self._cancelled:
                raise StopIteration
            if (found := self._take()) is not None:  # or another thread was faster
                self._marks._quiet()
                return found

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> tuple[K, bool]:
        while True:
            await self._marks._until_async(self._cursor, self._done, FOREVER, strict=False)
            if self._cancelled:
                raise StopAsyncIteration
            if (found := self._take()) is not None:
                self._marks._quiet()
                return found
