"""What is handed over: an event, and who reads of it later."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    #: What an emit takes.
    Args = tuple[Any, ...]
    Kwargs = Mapping[str, Any] | None

#: An event on its way: name, positional arguments, keyword arguments (None or empty: none). A plain tuple, because an
#: emit makes one and most handlers see only what is in it.
Raw = tuple[str, tuple[Any, ...], "dict[str, Any] | None"]


class BusEvent(NamedTuple):
    """One emit, as `wait`, `wait_async` and subscriptions give it: its name and its arguments."""

    name: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]


def seen(raw: Raw) -> BusEvent:
    name, args, kwargs = raw
    return BusEvent(name, args, {} if kwargs is None else kwargs)


def arguments(args: object) -> tuple[Any, ...]:
    """`args` of an emit. TypeError for what is no tuple or list: text would be taken letter by letter."""
    if isinstance(args, tuple | list):
        return tuple(args)
    raise TypeError(f"args are a tuple, not {type(args).__name__}: for one argument emit(name, ({args!r},))")


def keywords(kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """`kwargs` of an emit, copied: the emitter may go on using its own."""
    found = dict(kwargs)
    for key in found:
        if not isinstance(key, str):
            raise TypeError(f"kwargs have text as keys, not {type(key).__name__}: {key!r}")
    return found
