"""Handles with a cursor: each hears everything from its own place on. They can be cancelled and iterated over."""

from __future__ import annotations

from tocsin._errors import WaitCancelled
from tocsin._object import Handle

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from typing import Generic, Self, TypeVar

    T = TypeVar("T")
else:
    from tocsin._brackets import Generic, T


class Steps(Generic[T]):
    """An iteration over a handle, for `for` and `async for`.

    An object, not a generator: an exception ends a step, and the next step goes on (a generator would be over).
    It has no place of its own, that is the handle's: two iterations of one handle share what comes.
    """

    __slots__ = ("_handle",)

    def __init__(self, handle: Cursor[T]) -> None:
        self._handle = handle

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> T:
        try:
            return self._handle._step()
        except self._handle._ends:
            raise StopIteration from None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        try:
            return await self._handle._step_async()
        except self._handle._ends:
            raise StopAsyncIteration from None


class Cursor(Handle, Generic[T]):
    """What Signal, DataEvent and Queue have in common beyond `Handle`."""

    @property
    def _ends(self) -> tuple[type[Exception], ...]:
        """What ends an iteration in place of failing it."""
        return (WaitCancelled,)

    def cancel(self) -> None:
        """End the waits and iterations of this handle, now and from now on. From any thread; nobody else notices.

        Sticky: who comes to wait later is told as well, so nothing depends on who was faster. What does not wait
        goes on working, and so does every other handle.
        """
        self._cancel()
        if self._bell >= 0:
            from tocsin._hub import cancelled

            cancelled(self)

    def __iter__(self) -> Iterator[T]:
        return Steps(self)

    def __aiter__(self) -> AsyncIterator[T]:
        return Steps(self)

    def _step(self) -> T:
        """The next one, however long it takes."""
        raise NotImplementedError

    async def _step_async(self) -> T:
        raise NotImplementedError
