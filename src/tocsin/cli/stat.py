"""`tocsin stat`: everything about an object, from its file and the kernel's books. Makes nothing."""

from __future__ import annotations

import os
import time

from tocsin.cli._books import Books, with_people
from tocsin.cli._common import each
from tocsin.cli._exit import OK, plain, say
from tocsin.cli._kinds import bits_of, words_of_owner
from tocsin.cli._walk import find

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from tocsin.cli._common import Row
    from tocsin.cli._walk import Seen


def run(verb: str, names: list[str], options: dict[str, Any]) -> int:
    at = options["at"]

    def tell(name: str) -> tuple[Row, int]:
        one = find(name, at)
        rate = None
        if options["rate"] is not None:
            rate, one = _rate(one, options["rate"], at)
        row = with_people(one.row(), one, Books([one]))
        row.update(_file(one))
        if rate is not None:
            row["rate"], gone = rate
            if gone is not None:
                row["rate_out"] = gone
        if not options["json"]:
            _print(row)
        return row, OK

    return each(verb, names, options, tell)


def _rate(one: Seen, seconds: float, at: str | None) -> tuple[tuple[float, float | None] | None, Seen]:
    from tocsin.cli._rates import rates

    time.sleep(seconds)
    now = find(one.name, at)
    return rates([one], [now]).get(one.path), now


def _file(one: Seen) -> Row:
    found = one.found
    assert found is not None
    if one.is_far:
        return {"key": one.path, "id": f"{found['id']:016x}"}
    folder, leaf = os.path.split(one.path)
    return {
        "path": one.path,
        "bits": bits_of(found),
        "word": f"{found['word']:#018x}",
        "bell": os.path.exists(f"{folder}/.{leaf}.{found['id']:016x}.bell"),
        "id": f"{found['id']:016x}",
        "file_mode": f"{found['file_mode']:04o}",
        "owner": found["uid"],
        "size": found["size"],
    }


def _print(row: Row) -> None:
    """What is unknown says so; what doesn't apply to the kind is left out."""
    shown: dict[str, object] = {key: value for key, value in row.items() if value is not None}
    if "bits" in row:
        shown["bits"] = " ".join(row["bits"]) or "none"
        shown["bell"] = "yes" if row["bell"] else "no"
    for key in ("owned_by", "held_by"):
        if key in row:
            shown[key] = _person(row[key])
    shown["created"] = _moment(row["created"])
    shown.pop("open", None)
    shown.pop("in_hand", None)
    unseen = shown.pop("unseen", None)
    shown["waits"] = "unknown" if row["waits"] is None else row["waits"]
    shown["open"] = "unknown" if row["open"] is None else f"{len(row['open'])}{_unseen(unseen)}"
    for key, value in shown.items():
        say(f"{key + ':':<11} {plain(str(value))}")
    for user in row["open"] or ():
        say(f"{'open by:':<12}{plain(_user(user))}")
    for person in row.get("in_hand", ()):
        say(f"{'in hand:':<12}{plain(_holder(person))}")


def _unseen(count: object) -> str:
    if count == 0:
        return ""
    return f", and {'an unknown number' if count is None else count} that can't be seen from here"


def _user(user: Row) -> str:
    waits = "waits: unknown" if user["waits"] is None else f"{user['waits']} waiting" if user["waits"] else ""
    return f"pid {user['pid']} ({user['command']}){', ' if waits else ''}{waits}"


def _person(found: Row | None) -> str:
    words = words_of_owner(found).removeprefix("owned by ") or "nobody"
    return words + _since(found)


def _holder(person: Row) -> str:
    parts = [f"{person['held']} received"] if person["held"] else []
    parts += [f"{person['taken']} got and not reported by task_done"] if person["taken"] else []
    who = words_of_owner(person).removeprefix("owned by ")
    return f"{', '.join(parts)} by {who}{_since(person)}"


def _since(person: Row | None) -> str:
    since = person.get("running_since") if person else None
    return f", running since {_moment(since)}" if since else ""


def _moment(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S %z", time.localtime(seconds))
