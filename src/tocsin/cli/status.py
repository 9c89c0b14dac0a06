"""`tocsin status`: is it set? Reads the file and makes nothing."""

from __future__ import annotations

from tocsin._place import effective, peek, resolve
from tocsin.cli._common import each
from tocsin.cli._exit import NOT_SET, OK

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from tocsin.cli._common import Row


def run(verb: str, names: list[str], options: dict[str, Any]) -> int:
    at = options["at"]

    def look(name: str) -> tuple[Row, int]:
        row: Row = {"name": name, "at": effective(at), "state": "not there", "generation": None}
        try:
            found = peek(resolve(name, at), name, at)
        except FileNotFoundError:
            found = {"removed": True}  # one that nobody made was never set: an answer, not an error
        if not found["removed"]:
            row["state"] = "set" if found["is_set"] else "clear"
            row["generation"] = found["generation"]
        count = "" if row["generation"] is None else f", generation {row['generation']}"
        row["text"] = f"{name}: {row['state']}{count}"
        return row, OK if row["state"] == "set" else NOT_SET

    return each(verb, names, options, look)
