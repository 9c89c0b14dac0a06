"""Items that the seed's own processes left in a queue's directory.

They are not moved into the new queue, because nothing takes a file away and puts an item into a queue in one step: who
is killed in between would lose the item or double it. They are handed out from where they are, by the seed's own rule,
which needs no lock: read it, remove it, and whose removal succeeds has the item.
"""

from __future__ import annotations

import json
import os
from collections import deque
from typing import Any


class Leftovers:
    """What a listener still has to look through."""

    def __init__(self, directory: str) -> None:
        self._directory = directory
        self._todo: deque[str] = deque()
        self._unreadable: set[str] = set()
        self._done = False
        self._look()

    def names(self) -> list[str]:
        """The items that are there now, in order; nothing is read once it is known that all are gone."""
        if self._done:
            return []
        with os.scandir(self._directory) as entries:
            found = [entry.name for entry in entries if entry.name.startswith("q_") and entry.is_file()]
        return sorted(name for name in found if name not in self._unreadable)

    def take(self) -> tuple[Any] | None:
        """The first one that no other listener has taken, removed; None: there are no more, now and later."""
        while not self._done:
            try:
                name = self._todo.popleft()
            except IndexError:
                self._look()
                continue
            found = self._claim(name)
            if found is not None:
                return found
        return None

    def _look(self) -> None:
        names = self.names()
        self._todo.extend(names)
        self._done = not names

    def _claim(self, name: str) -> tuple[Any] | None:
        path = os.path.join(self._directory, name)
        try:
            with open(path, encoding="utf-8") as file:
                text = file.read()
            found = (json.loads(text) if text else None,)
            os.unlink(path)
        except FileNotFoundError:
            return None  # somebody else has it
        except (OSError, ValueError):
            self._unreadable.add(name)  # it stays where it is, for somebody to look at
            return None
        return found
