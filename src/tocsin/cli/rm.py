"""`tocsin rm`: removes objects, and the hidden files that earlier ones of the same name left behind."""

from __future__ import annotations

import os
import stat
import time

from tocsin._errors import FormatMismatch, ObjectDamaged
from tocsin._place import is_far, resolve, shown, unlink
from tocsin.cli._common import each
from tocsin.cli._exit import OK

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from tocsin.cli._common import Row

#: A maker names its file within milliseconds; a hidden one that is older was left by a dead maker.
_ABANDONED = 60.0

_HEXADECIMAL = frozenset("0123456789abcdef")


def run(verb: str, names: list[str], options: dict[str, Any]) -> int:
    at = options["at"]

    def remove(name: str) -> tuple[Row, int]:
        path = "" if is_far(name, at) else resolve(name, at)
        # Listed before the removal: an object that is made after it has another id, and is never in this list.
        left = _hidden_files(path) if path else []
        removed = True
        try:
            unlink(name, at=at)
        except FileNotFoundError:
            if not options["force"]:
                raise
            removed = False
        except (ObjectDamaged, FormatMismatch):
            if not options["force"] or (path and not stat.S_ISREG(os.lstat(path).st_mode)):
                raise
            if path:
                os.unlink(path)
            else:
                from tocsin._redis.unlink import sweep  # servers are floors above

                removed = sweep(name, at)
        for file in left:
            _forget(file)
        return {"name": name, "at": shown(at), "removed": removed}, OK

    return each(verb, names, options, remove)


def _hidden_files(path: str) -> list[str]:
    """`.NAME.<id>.bell`, a value's (`.v1`) and a queue's (`.7`), and what a dead maker left: `.new`, `.bell.new`."""
    folder, leaf = os.path.split(path)
    try:
        entries = os.listdir(folder)
    except OSError:
        return []
    begin = f".{leaf}."
    return [os.path.join(folder, entry) for entry in entries if entry.startswith(begin) and _is_ours(entry, begin)]


def _is_ours(entry: str, begin: str) -> bool:
    identity, _, rest = entry[len(begin) :].partition(".")
    if len(identity) != 16 or not _HEXADECIMAL.issuperset(identity):
        return False
    return rest in ("bell", "bell.new", "new") or (rest != "" and _HEXADECIMAL.issuperset(rest.removeprefix("v")))


def _forget(file: str) -> None:
    try:
        if not file.endswith(".bell.new") and file.endswith(".new") and _is_young(file):
            return
        os.unlink(file)
    except OSError:
        pass  # somebody else's, or already gone: it harms nobody


def _is_young(file: str) -> bool:
    return time.time() - os.lstat(file).st_mtime < _ABANDONED
