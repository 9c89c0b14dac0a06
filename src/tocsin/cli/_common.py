"""What several verbs share: checking a call before anything is done, and one answer for each name."""

from __future__ import annotations

from tocsin._place import FAR, door, effective, encode_at, encode_name, is_far, shown
from tocsin.cli._exit import OK, Failure, complain, plain, say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Row = dict[str, Any]


def check(names: list[str], at: str | None) -> None:
    """Raises for a bad name or place before the first object is touched."""
    for name in names:
        encode_name(name)
    if is_far("x", at):
        door(at).check(effective(at))
        return
    if "://" in effective(at):
        raise Failure(f"{shown(at)}: there are places on servers at {', '.join(FAR)} alone")
    encode_at(at)


def each(verb: str, names: list[str], options: dict[str, Any], do: Callable[[str], tuple[Row, int]]) -> int:
    """`do` every name, also after one that failed; prints what each gives; the worst exit code."""
    check(names, options["at"])
    worst = OK
    rows = []
    for name in names:
        try:
            row, code = do(name)
        except Exception as error:  # noqa: BLE001 - the next name may fare better
            code = complain(verb, error)
        else:
            if options["json"]:
                rows.append(row)
            elif "text" in row:
                say(plain(row["text"]))
        worst = max(worst, code)
    if options["json"]:
        for row in rows:
            row.pop("text", None)
        document(rows)
    return worst


def document(value: object) -> None:
    from tocsin.cli import _json

    say(_json.pretty(value))
