"""`tocsin peek`: what the next one would get, left where it is. Makes nothing."""

from __future__ import annotations

from tocsin import _errors
from tocsin.cli import _values
from tocsin.cli._common import check
from tocsin.cli._exit import NOT_SET, OK, Failure
from tocsin.cli._kinds import DATA, QUEUE, kind_at

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def run(verb: str, names: list[str], options: dict[str, Any]) -> int:
    del verb
    (name,) = names
    check(names, options["at"])
    kind = kind_at(name, options["at"])
    if kind is None:
        return NOT_SET
    if kind not in (DATA, QUEUE):
        raise Failure(f"{name!r} holds no data: `tocsin status` says what there is to know")
    try:
        value = _next(name, options) if kind == QUEUE else _latest(name, options)
    except (_errors.Empty, LookupError):
        return NOT_SET
    from tocsin.cli._stream import Lines, ReaderLeft, die_quietly

    line = _values.shown(value, plainly=options["raw"])
    if options["json"]:
        line = _values.write({"name": name, **_values.portable(value)})
    try:
        Lines().write(line)
    except ReaderLeft:
        return die_quietly()
    return OK


def _next(name: str, options: dict[str, Any]) -> Any:
    from tocsin.cli._light import Queue

    with Queue(name, at=options["at"], create=False) as queue:
        return queue.peek()


def _latest(name: str, options: dict[str, Any]) -> Any:
    from tocsin.cli._light import DataEvent

    with DataEvent(name, at=options["at"], create=False) as event:
        return event.latest()
