"""`tocsin status`: is it set, is there something? Reads the file and makes nothing."""

from __future__ import annotations

from tocsin._place import shown
from tocsin.cli._common import each
from tocsin.cli._exit import NOT_SET, OK
from tocsin.cli._kinds import BUS, DATA, LOCK, QUEUE, SIGNAL, describe, find, words_of_owner

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from tocsin.cli._common import Row


#: What stands behind the name, by kind; an event says its state alone.
_WORDS = {
    SIGNAL: "{state}, count {generation}",
    DATA: "{state}, version {generation}",
    QUEUE: "{state}",
    LOCK: "{state}",
    BUS: "{state}",
}


def run(verb: str, names: list[str], options: dict[str, Any]) -> int:
    at = options["at"]

    def tell(name: str) -> tuple[Row, int]:
        row: Row = {"name": name, "at": shown(at), "state": "not there", "generation": None}
        try:
            found = find(name, at)
        except FileNotFoundError:
            found = {"removed": True}  # one that nobody made was never set: an answer, not an error
        there = False
        words = "{state}"
        if not found["removed"]:
            row.update(describe(found))
            there = row.pop("there")
            words = _WORDS.get(found["kind"], "{state}, generation {generation}")
        text = words.format(**row)
        if owner := words_of_owner(row.get("owned_by")):
            text = f"{text}, {owner}"
        if holder := words_of_owner(row.get("held_by"), "held"):
            text = f"{text}, {holder}"
        row["text"] = f"{name}: {text}"
        return row, OK if there else NOT_SET

    return each(verb, names, options, tell)
