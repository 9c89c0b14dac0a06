"""Directories as markers. One that waits sees the marker come, then go, then come, and so on."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import shutil
from importlib import import_module
from typing import TYPE_CHECKING

from benchmarks.peers import here

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclasses.dataclass(frozen=True)
class Marker:
    """One directory that comes and goes."""

    path: str
    wait: Callable[[str], Callable[[], object]]  # in the process that waits: a call that returns after each change

    def open(self) -> Callable[[], object]:
        return self.wait(self.path)

    def toggle(self) -> None:
        try:
            os.mkdir(self.path)
        except FileExistsError:
            os.rmdir(self.path)

    def drop(self) -> None:
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(os.path.dirname(self.path))


@dataclasses.dataclass(frozen=True)
class Peer:
    """A way to wait for a directory."""

    name: str
    wait: Callable[[str], Callable[[], object]]
    check: Callable[[], object] = bool  # raises Absent
    slow: bool = False  # milliseconds

    def make(self, tag: str) -> Marker:
        self.check()
        home = os.path.join(here(), f"{tag}-{self.name.replace(' ', '-')}")
        os.makedirs(home, exist_ok=True)
        return Marker(os.path.join(home, "DONE.watch"), self.wait)


FILES = ("tocsin_handler", "raw_inotify", "watchfiles_watch", "watchdog_observer", "poll")


def all_peers() -> list[Peer]:
    """Everyone, ours first."""
    return [peer for file in FILES for peer in import_module(f"{__name__}.{file}").PEERS]
