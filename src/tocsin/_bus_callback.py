"""What a handler calls: sync or async, held or referred to weakly."""

from __future__ import annotations

import functools
import inspect
import weakref
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

Callback = "Callable[..., Any]"


def check(func: object) -> None:
    if not callable(func):
        raise TypeError(f"{func!r} can't be called: give a function, a coroutine function, or an object with __call__")


def is_async(func: object) -> bool:
    """Does a call give a coroutine? Of functions, methods, partials of them, and objects with such a `__call__`."""
    while isinstance(func, functools.partial):
        func = func.func
    if inspect.iscoroutinefunction(func):
        return True
    return not inspect.isroutine(func) and inspect.iscoroutinefunction(getattr(type(func), "__call__", None))  # noqa: B004


def weak(func: Callable[..., Any], gone: Callable[[object], object]) -> Callable[[], Callable[..., Any] | None]:
    """A weak reference that says when its callable is gone. A bound method lives as long as its object."""
    if inspect.ismethod(func):
        return weakref.WeakMethod(func, gone)
    try:
        return weakref.ref(func, gone)
    except TypeError as error:
        raise TypeError(f"weak=True needs what can be referred to weakly: {func!r} can't") from error


def title(func: object) -> str:
    """What messages call it."""
    inner = func
    while isinstance(inner, functools.partial):
        inner = inner.func
    name = getattr(inner, "__qualname__", None)
    module = getattr(inner, "__module__", None)
    return f"{module}.{name}" if name and module else repr(func)
