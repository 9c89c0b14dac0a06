# ruff: noqa: N802, N803 - the seed's names
"""The seed's `JSONDataEvent`: a signal that brings a value."""

from __future__ import annotations

import json
from typing import Any

from tocsin._data import DataEvent
from tocsin._errors import InvalidMessage, ObjectRemoved, WaitCancelled
from tocsin.compat.interprocesssync._beside import Beside, as_the_seed_reads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


class JSONDataEvent(Beside):
    """A path with a JSON value that any process can replace, and whose news any number of processes can hear.

    Each object is a listener of its own: it gets the newest value when that is one that it hasn't had. With
    `bFireOnInit` the value that is there already counts as new.

    Caveat: `native`, the `tocsin.DataEvent` underneath, is the object at `filePath + ".tocsin"`; the file at `filePath`
    is only read, and only as long as nobody has signalled. Fix: ask `native.latest()` for the value.
    """

    def __init__(self, filePath: str, sleepTime: float = 1, bFireOnInit: bool = True) -> None:  # noqa: FBT001, FBT002
        super().__init__(filePath, sleepTime, bFireOnInit)
        self.native: DataEvent[Any] = DataEvent(self._name, replay=bool(bFireOnInit))

    def signal(self, data: Any) -> None:
        """Make `data` the value, and wake every listener."""
        while True:
            try:
                self.native.signal(data)
            except InvalidMessage:
                self.native.signal(as_the_seed_reads(data))
            except ObjectRemoved:
                self._open_anew()
                continue
            return

    def wait(self) -> tuple[bool, Any]:
        """Block until there is a value that is new to this object: (True, value). (False, None): cancelled."""
        while not self._cancelled:
            found = self._left_by_the_seed()
            if found is not None:
                return True, found[0]
            try:
                return True, self.native.wait()
            except WaitCancelled:
                break
            except ObjectRemoved:
                self._open_anew()
        return False, None

    def waitG(self) -> Iterator[Any]:
        """Yield each value that `wait` gets, until it is cancelled."""
        while (found := self.wait())[0]:
            yield found[1]

    def cancelWait(self) -> None:
        """End this object's waits, the one that blocks now and all later ones. From any thread."""
        self._cancelled = True
        self.native.cancel()

    def _left_by_the_seed(self) -> tuple[Any] | None:
        """Once: what stands in the seed's file, if nobody has signalled with tocsin yet."""
        asks, self._ask_the_file = self._ask_the_file, False
        if not asks or self.native.version:
            return None
        try:
            with open(self._path, encoding="utf-8") as file:
                text = file.read()
        except FileNotFoundError:
            return None
        return (json.loads(text) if text else None,)

    def _open_anew(self) -> None:
        """Somebody swept the directory. With the seed a path without a file is an event that was never signalled."""
        self.native = DataEvent(self._name, replay=True)
