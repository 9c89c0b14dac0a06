"""The process caller's other side: one call on one event, then its result or its exception."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from tocsin import Event


def call(event: Event, what: str, args: tuple[Any, ...], kw: dict[str, Any], answer: Connection) -> None:
    try:
        found = getattr(event, what)
        answer.send((True, found(*args, **kw) if callable(found) else found))
    except BaseException as error:
        answer.send((False, error))
