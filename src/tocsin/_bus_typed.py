"""Arguments that came as JSON, as a handler's annotations want them."""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Any, get_type_hints

from tocsin._errors import InvalidMessage

if TYPE_CHECKING:
    from collections.abc import Callable

    Convert = Callable[[tuple[Any, ...], dict[str, Any] | None], tuple[tuple[Any, ...], dict[str, Any] | None]]


def converter(func: Any) -> Convert | None:
    """What makes the arguments of `func` from JSON; None if nothing in its signature asks for it.

    A parameter without an annotation, or with one that can't be found out, takes what JSON gives.
    """
    try:
        signature = inspect.signature(func)
        inner = func
        while isinstance(inner, functools.partial):
            inner = inner.func
        hints = get_type_hints(inner if inspect.isroutine(inner) else type(inner).__call__)
    except Exception:  # noqa: BLE001 - annotations may name anything, and builtins have none
        return None
    wanted = {name: hints[name] for name in signature.parameters if hints.get(name, Any) is not Any}
    if not wanted:
        return None

    def convert(args: tuple[Any, ...], kwargs: dict[str, Any] | None) -> Any:
        import msgspec

        bound = signature.bind(*args, **(kwargs or {}))
        for name, value in bound.arguments.items():
            if name in wanted:
                kind = signature.parameters[name].kind
                try:
                    if kind is inspect.Parameter.VAR_POSITIONAL:
                        bound.arguments[name] = tuple(msgspec.convert(each, wanted[name]) for each in value)
                    elif kind is inspect.Parameter.VAR_KEYWORD:
                        bound.arguments[name] = {key: msgspec.convert(one, wanted[name]) for key, one in value.items()}
                    else:
                        bound.arguments[name] = msgspec.convert(value, wanted[name])
                except msgspec.ValidationError as error:
                    raise InvalidMessage(f"the argument {name!r} is not what the handler wants: {error}") from error
        return bound.args, bound.kwargs or None

    return convert
