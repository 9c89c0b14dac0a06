"""Scripts: what must happen at once on the server, each in a file of Lua whose head says KEYS, ARGV and the answer.

A script that refuses says ``TOCSIN <errno's name> ...``, which becomes the exception that the same refusal has on one
host (`answer`).
"""

from __future__ import annotations

import errno
import hashlib
import os
from typing import Any

from tocsin._redis.line import ReplyError, pack

_DIRECTORY = os.path.join(os.path.dirname(__file__), "scripts")
_made: dict[str, Script] = {}


class Script:
    """A script's text, and what names it on a server that has it."""

    def __init__(self, name: str) -> None:
        with open(os.path.join(_DIRECTORY, f"{name}.lua"), encoding="utf-8") as file:
            text = file.read()
        while "--@include " in text:
            before, _, rest = text.partition("--@include ")
            part, _, after = rest.partition("\n")
            with open(os.path.join(_DIRECTORY, f"{part.strip()}.lua"), encoding="utf-8") as file:
                text = before + file.read() + after
        self.name = name
        self.text = text.encode()
        self.sha = hashlib.sha1(self.text, usedforsecurity=False).hexdigest().encode()
        self.load = pack((b"SCRIPT", b"LOAD", self.text))

    def call(self, keys: tuple[Any, ...], args: tuple[Any, ...]) -> bytes:
        return pack((b"EVALSHA", self.sha, len(keys), *keys, *args))


def script(name: str) -> Script:
    found = _made.get(name)
    if found is None:
        found = _made[name] = Script(name)
    return found


def reason(error: ReplyError) -> int:
    """The reason (-errno) that one of our scripts refused with, 0 if it wasn't one of ours."""
    text = str(error)
    # Redis 6 puts its own words around what a script raises, and some versions an "ERR " in front of it.
    at = text.find("TOCSIN ")
    if at < 0:
        return 0
    name = text[at + 7 :].split(None, 1)[0].rstrip(",.:;")
    return -int(getattr(errno, name, errno.EIO))
