"""Who owns an event: what `Event.owner`, `OwnerDied.owner` and `stats` say, and what a claim says of this process."""

from __future__ import annotations

import os
import sys
from typing import NamedTuple

from tocsin import _core


class Owner(NamedTuple):
    """Who has promised to set an event, or holds a lock."""

    #: as the owner itself sees it, which in another container is another number; 0: not known
    pid: int
    #: its command line, or what it gave to `own`; at most 200 bytes of it
    command: str
    #: False: it is dead, or it closed its handle, and did not keep its promise
    alive: bool

    def __str__(self) -> str:
        if not self.pid:
            return "a process that had not said its name"
        return f"process {self.pid} ({self.command})" if self.command else f"process {self.pid}"


Owner.__module__ = "tocsin"


def owner_of(found: tuple[int, bytes, bool] | int | None) -> Owner | None:
    """From what the binding says, reasons left out."""
    if not isinstance(found, tuple):
        return None
    pid, command, alive = found
    return Owner(pid, command.decode("utf-8", "replace"), alive)


def command_line(given: str | None) -> bytes:
    """For `own`, as many whole characters as fit."""
    text = _own_command() if given is None else given
    raw = text.replace("\0", " ").encode("utf-8", "backslashreplace")[: _core.COMMAND_MAX]
    return raw.decode("utf-8", "ignore").encode()


def _own_command() -> str:
    argv: list[str] = getattr(sys, "argv", [])
    if argv and argv[0] not in ("", "-c", "-m"):
        return " ".join(argv)
    return " ".join(sys.orig_argv) or os.path.basename(sys.executable)
