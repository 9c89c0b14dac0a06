"""`tocsin wait --watch`: for directories, as markers."""

from __future__ import annotations

import os

from tocsin import _core
from tocsin._watch_cursor import PRESENT
from tocsin._watch_marks import Marks
from tocsin.cli._common import document
from tocsin.cli._exit import NOT_SET, OK, Usage, plain, say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def markers(verb: str, paths: list[str]) -> Marks[str]:
    """The directories as they are written, with or without ".watch". A slash at the end is none of the name's."""
    found: dict[str, bytes] = {}
    for path in paths:
        bare = path.rstrip("/")
        if os.path.basename(bare) in ("", ".", ".."):
            raise Usage(f"{path!r} can't be waited for: --watch takes directories that come and go", verb)
        if "\0" in path:
            raise Usage(f"{path!r} has a NUL character in it", verb)
        found[path] = os.fsencode(bare if bare[:1] == "/" else os.path.join(os.getcwd(), bare))
    return Marks(found)


def run(verb: str, paths: list[str], options: dict[str, Any]) -> int:
    """Until one of them (--any), else all, are there, or with --clear are gone."""
    fixed = [f"--{name.replace('_', '-')}" for name in ("at", "mode", "no_create", "since") if options.get(name)]
    if fixed:
        raise Usage(f"{fixed[0]} is about events: it can't go with --watch", verb)
    with markers(verb, paths) as marks:
        cursor, done = marks._many(paths, some=bool(options.get("any")), present=not options["clear"])
        in_time = bool(marks._until(cursor, done, _core.deadline(options["timeout"]), ""))
        if options["json"]:
            document({"done": in_time, "there": [path for path, now in cursor.now.items() if now == PRESENT]})
        elif in_time and options.get("any"):
            for path, now in cursor.now.items():
                if (now == PRESENT) != options["clear"]:
                    say(plain(str(path)))
    return OK if in_time else NOT_SET
