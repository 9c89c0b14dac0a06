"""`tocsin stat`: everything about an event, read from its file. Makes nothing."""

from __future__ import annotations

import os
import time

from tocsin._place import effective, peek, resolve
from tocsin.cli._common import each
from tocsin.cli._exit import OK, plain, say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from tocsin.cli._common import Row

#: core/parts/word.h
BITS = ("SET", "SLEEPERS", "BELL", "CBELL", "REMOVED", "OWNED", "HASBELL")
KINDS = {1: "event"}


def kind_of(found: dict[str, Any]) -> str:
    return KINDS.get(found["kind"], f"kind {found['kind']}")


def state_of(found: dict[str, Any]) -> str:
    return "removed" if found["removed"] else "set" if found["is_set"] else "clear"


def run(verb: str, names: list[str], options: dict[str, Any]) -> int:
    at = options["at"]

    def look(name: str) -> tuple[Row, int]:
        path = resolve(name, at)
        found = peek(path, name, at)
        file = os.lstat(path)
        folder, leaf = os.path.split(path)
        row: Row = {
            "name": name,
            "at": effective(at),
            "path": path,
            "kind": kind_of(found),
            "state": state_of(found),
            "generation": found["generation"],
            "bits": [bit for i, bit in enumerate(BITS) if found["word"] >> i & 1],
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
    shown = {
        **row,
        "bits": " ".join(row["bits"]) or "none",
        "bell": "yes" if row["bell"] else "no",
        "created": created,
    }
    for key, value in shown.items():
        say(f"{key + ':':<12}{plain(str(value))}")
