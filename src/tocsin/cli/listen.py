"""`tocsin listen`: a line for each wake of a signal, or for each new value of a data event."""

from __future__ import annotations

from tocsin.cli import _values
from tocsin.cli._common import check
from tocsin.cli._exit import NOT_SET, OK, Usage
from tocsin.cli._kinds import DATA, kind_at
from tocsin.cli._stream import Lines, ReaderLeft, die_quietly

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from tocsin._data import DataEvent
    from tocsin._signal import Signal

    #: The next line, when there is one in time.
    Step = Callable[[], bytes | None]


def run(verb: str, names: list[str], options: dict[str, Any]) -> int:
    (name,) = names
    check(names, options["at"])
    if options["replay"] and options["no_replay"]:
        raise Usage("--replay and --no-replay are opposites", verb)
    lines = Lines()
    limit = float("inf") if options["count"] is None else options["count"]
    # The one that is there says which kind it is; one that is to be made here is a signal unless --data says otherwise.
    holds_a_value = options["data"] or kind_at(name, options["at"]) == DATA
    opened, step = _data(name, options) if holds_a_value else _signal(name, options)
    with opened:
        heard = 0
        try:
            while heard < limit:
                lines.check()
                line = step()
                if line is None:
                    return NOT_SET
                lines.write(line)
                heard += 1
        except ReaderLeft:
            return die_quietly()
    return OK


def _signal(name: str, options: dict[str, Any]) -> tuple[Signal, Step]:
    from tocsin._signal import Signal

    opened = Signal(name, replay=options["replay"], **_place(options))
    timeout = options["timeout"]

    def step() -> bytes | None:
        count = opened.wait(timeout)
        if not count:
            return None
        return _values.write({"name": name, "signals": count}) if options["json"] else str(count).encode()

    return opened, step


def _data(name: str, options: dict[str, Any]) -> tuple[DataEvent[Any], Step]:
    from tocsin.cli._light import DataEvent

    opened = DataEvent(name, replay=not options["no_replay"], **_place(options))
    timeout = None if options["timeout"] is None else max(0.0, options["timeout"])

    def step() -> bytes | None:
        try:
            value = opened.wait(timeout)
        except TimeoutError:
            return None
        if options["json"]:
            return _values.write({"name": name, "value": value})
        return _values.shown(value, plainly=options["raw"])

    return opened, step


def _place(options: dict[str, Any]) -> dict[str, Any]:
    return {"at": options["at"], "mode": options["mode"], "create": not options["no_create"]}
