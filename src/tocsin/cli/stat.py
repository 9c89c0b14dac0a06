"""`tocsin stat`: everything about an object, read from its file. Makes nothing."""

from __future__ import annotations

import os
import time

from tocsin._place import effective, peek, resolve
from tocsin.cli._common import each
from tocsin.cli._exit import OK, plain, say
from tocsin.cli._kinds import bits_of, describe, kind_of, words_of_owner

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from tocsin.cli._common import Row


def run(verb: str, names: list[str], options: dict[str, Any]) -> int:
    at = options["at"]

    def look(name: str) -> tuple[Row, int]:
        path = resolve(name, at)
        found = peek(path, name, at)
        file = os.lstat(path)
        about = describe(found, path, name, at)
        del about["there"]
        folder, leaf = os.path.split(path)
        row: Row = {
            "name": name,
            "at": effective(at),
            "path": path,
            "kind": kind_of(found),
            **about,
            "bits": bits_of(found),
            "word": f"{found['word']:#018x}",
            "bell": os.path.exists(f"{folder}/.{leaf}.{found['id']:016x}.bell"),
            "id": f"{found['id']:016x}",
            "mode": f"{found['mode']:04o}",
            "file_mode": f"{file.st_mode & 0o7777:04o}",
            "owner": file.st_uid,
            "size": file.st_size,
            "created": found["created_ns"] / 1e9,
        }
        if not options["json"]:
            _print(row)
        return row, OK

    return each(verb, names, options, look)


def _print(row: Row) -> None:
    created = time.strftime("%Y-%m-%d %H:%M:%S %z", time.localtime(row["created"]))
    shown: Row = {
        **row,
        "bits": " ".join(row["bits"]) or "none",
        "bell": "yes" if row["bell"] else "no",
        **{key: _person(row[key]) for key in ("owned_by", "held_by") if key in row},
        "created": created,
    }
    for key, value in shown.items():
        say(f"{key + ':':<12}{plain(str(value))}")


def _person(found: Row | None) -> str:
    return words_of_owner(found).removeprefix("owned by ") or "nobody"
