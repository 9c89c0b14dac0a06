"""`tocsin set` and `tocsin clear`."""

from __future__ import annotations

from tocsin._event import Event
from tocsin.cli._common import each
from tocsin.cli._exit import OK

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from tocsin.cli._common import Row


def run(verb: str, names: list[str], options: dict[str, Any]) -> int:
    def change(name: str) -> tuple[Row, int]:
        with Event(name, at=options["at"], mode=options["mode"], create=not options["no_create"]) as event:
            event.set() if verb == "set" else event.clear()
            row = {"name": name, "at": event.at, "is_set": event.is_set(), "generation": event.generation}
        return row, OK

    return each(verb, names, options, change)
