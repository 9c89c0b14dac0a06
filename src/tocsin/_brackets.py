"""Classes that are written with brackets (`Queue[Job]`), without `typing`, whose import takes half a bare start.

Type checkers see typing's own (`if TYPE_CHECKING`, where this is imported).
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


class Generic:
    """In place of ``typing.Generic``: brackets give an alias, which a class may have as its base."""

    __slots__ = ()
    __class_getitem__: Any = classmethod(type(list[int]))


#: What stands in the brackets of our own classes. Nothing asks what it is.
T = object()


def overload(function: Callable[..., object]) -> Callable[..., object]:
    """In place of ``typing.overload``: the real definition follows, and replaces it."""
    return function
