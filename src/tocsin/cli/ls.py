"""`tocsin ls`: the objects of a place, who has them open, who waits. Makes nothing, and survives all else."""

from __future__ import annotations

import time

from tocsin.cli._common import check, document
from tocsin.cli._exit import FAILED, OK, complain, plain, say
from tocsin.cli._walk import look, places

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from tocsin.cli._common import Row
    from tocsin.cli._walk import Seen


def run(verb: str, words: list[str], options: dict[str, Any]) -> int:
    check([], options["at"])
    asked = places(words, options["at"])
    troubles: list[OSError] = []
    before: list[Seen] = []
    if options["rate"] is not None:
        before = look(asked, [])
        time.sleep(options["rate"])
    seen = look(asked, troubles)
    rows = _rows(seen, before) if seen else []
    if options["json"]:
        document(rows)
    elif rows:
        _table(rows, many=len({one.at for one in seen}) > 1, rated=options["rate"] is not None)
    for trouble in troubles:
        complain(verb, trouble)
    return FAILED if troubles else OK


def _rows(seen: list[Seen], before: list[Seen]) -> list[Row]:
    from tocsin.cli._books import Books, with_people
    from tocsin.cli._rates import rates

    books = Books(seen)
    fast = rates(before, seen)
    rows = []
    for one in seen:
        row = with_people(one.row(), one, books)
        if one.path in fast:
            row["rate"], gone = fast[one.path]
            if gone is not None:
                row["rate_out"] = gone
        row["path"] = None if one.is_far else one.path
        rows.append(row)
    return rows


def _table(rows: list[Row], *, many: bool, rated: bool) -> None:
    head = ["KIND", "STATE", "GENERATION", *(["RATE", "OUT"] if rated else []), "OPEN", "WAIT", "MODE", "AGE"]
    lines = [[*head, "NAME"]]
    for row in rows:
        cells = [_cell(row[key]) for key in ("kind", "state", "generation")]
        if rated:
            cells += [_rate(row["rate"]), _rate(row.get("rate_out"))]
        cells += [_users(row), _waits(row), _cell(row["mode"]), _age(row["created"])]
        lines.append([*cells, plain(row["path"] or f"{row['at']} {row['name']}" if many else row["name"])])
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    for line in lines:
        say("".join(f"{cell:<{width}}  " for cell, width in zip(line, widths, strict=False)) + line[-1])


def _cell(value: object) -> str:
    return "-" if value is None else str(value)


def _rate(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}/s"


def _users(row: Row) -> str:
    if row["kind"] is None:
        return "-"
    return "?" if row["open"] is None else str(len(row["open"]))


def _waits(row: Row) -> str:
    if row["kind"] is None:
        return "-"
    return "?" if row["waits"] is None else str(row["waits"])


def _age(created: float | None) -> str:
    if created is None:
        return "-"
    seconds = max(0, int(time.time() - created))
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"
