"""`tocsin ls`: the objects of a place. Makes nothing, and survives whatever else lies there."""

from __future__ import annotations

import os
import time

from tocsin._errors import FormatMismatch, TocsinError
from tocsin._place import peek, place_dir
from tocsin.cli._common import check, document
from tocsin.cli._exit import FAILED, OK, Failure, complain, plain, say
from tocsin.cli._kinds import describe, kind_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from tocsin.cli._common import Row

_MAGIC = b"TOCSIN\0\1"


def run(verb: str, words: list[str], options: dict[str, Any]) -> int:
    at = options["at"]
    check([], at)
    folder, prefix = place_dir(at)
    troubles: list[OSError] = []
    rows = sorted(_rows(folder, prefix, troubles), key=lambda row: row["name"])
    if words:
        from fnmatch import fnmatchcase

        rows = [row for row in rows if fnmatchcase(row["name"], words[0])]
    if options["json"]:
        document(rows)
    elif rows:
        _table(rows)
    for trouble in troubles:
        complain(verb, trouble)
    return FAILED if troubles else OK


def _rows(top: str, prefix: str, troubles: list[OSError]) -> Iterator[Row]:
    folders = [top]
    while folders:
        folder = folders.pop()
        try:
            entries = list(os.scandir(folder))
        except FileNotFoundError:
            continue  # nobody made anything here yet, or it went while we looked
        except OSError as trouble:
            if folder == top:
                raise Failure(f"{folder}: {trouble.strerror}: the place can't be read") from None
            troubles.append(trouble)
            continue
        for entry in entries:
            # What begins with a dot belongs to an object, and is none itself.
            if entry.name.startswith(".") or not entry.name.startswith(prefix):
                continue
            if entry.is_dir(follow_symlinks=False):
                if not prefix:  # the system place has no folders: "/" is written "!"
                    folders.append(entry.path)
                continue
            name = os.path.relpath(entry.path, top)
            yield from _row(name.removeprefix(prefix).replace("!", "/") if prefix else name, entry)


def _row(name: str, entry: os.DirEntry[str]) -> Iterator[Row]:
    row: Row = {"kind": None, "name": name, "state": None, "generation": None, "mode": None, "created": None}
    try:
        if not entry.is_file(follow_symlinks=False):  # a device may do something when it is opened
            row["state"] = "not an object"
        else:
            found = peek(entry.path)
            row["kind"] = kind_of(found)
            row["generation"] = found["generation"]
            row["mode"] = f"{found['mode']:04o}"
            row["created"] = found["created_ns"] / 1e9
            row.update(describe(found, entry.path, name, None))
            del row["there"]
    except FormatMismatch:
        row["state"] = "another version's"
    except TocsinError:
        row["state"] = "damaged" if _begins_like_ours(entry.path) else "not an object"
    except FileNotFoundError:
        return  # gone while we looked
    except OSError as trouble:
        row["state"] = "no permission" if isinstance(trouble, PermissionError) else "can't be read"
    yield row


def _begins_like_ours(path: str) -> bool:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return os.read(fd, len(_MAGIC)) == _MAGIC
    except OSError:
        return False
    finally:
        os.close(fd)


def _age(created: float | None) -> str:
    if created is None:
        return "-"
    seconds = max(0, int(time.time() - created))
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def _table(rows: list[Row]) -> None:
    lines = [("KIND", "STATE", "GENERATION", "MODE", "AGE", "NAME")]
    for row in rows:
        cells = [row[key] for key in ("kind", "state", "generation", "mode")]
        shown = ["-" if cell is None else str(cell) for cell in cells]
        lines.append((shown[0], shown[1], shown[2], shown[3], _age(row["created"]), plain(row["name"])))
    widths = [max(len(line[i]) for line in lines) for i in range(5)]
    for line in lines:
        say("".join(f"{cell:<{width}}  " for cell, width in zip(line[:5], widths, strict=True)) + line[5])
