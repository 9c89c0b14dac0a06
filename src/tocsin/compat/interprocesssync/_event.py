# ruff: noqa: N802, N803 - the seed's names
"""The seed's `Event`: a signal that every listener hears."""

from __future__ import annotations

import os

from tocsin._errors import ObjectRemoved
from tocsin._signal import Signal
from tocsin.compat.interprocesssync._beside import Beside

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


class Event(Beside):
    """A path that any process can signal, and that any number of processes can listen to.

    Each object is a listener of its own: it hears every signal after its making, and with `bFireOnInit` one more for
    whatever was there before. Signals that come while nobody looks are one.

    Caveat: `native`, the `tocsin.Signal` underneath, is the object at `filePath + ".tocsin"`, and not the file at
    `filePath`. Fix: programs that use tocsin itself, and `tocsin signal` in a shell, name that one.
    """

    def __init__(self, filePath: str, sleepTime: float = 1, bFireOnInit: bool = True) -> None:  # noqa: FBT001, FBT002
        super().__init__(filePath, sleepTime, bFireOnInit)
        self.native: Signal = Signal(self._name, replay=bool(bFireOnInit))

    def signal(self) -> None:
        """Wake every listener."""
        while True:
            try:
                self.native.signal()
            except ObjectRemoved:
                self._open_anew()
            else:
                return

    def wait(self) -> bool:
        """Block until there was a signal since the last wait: True. False: cancelled."""
        while not self._cancelled:
            if self._is_news():
                return True
            try:
                if self.native.wait():
                    return True
            except ObjectRemoved:
                self._open_anew()
        return False

    def waitG(self) -> Iterator[bool]:
        """Yield True for each `wait` that heard something, until it is cancelled."""
        while self.wait():
            yield True

    def cancelWait(self) -> None:
        """End this object's waits, the one that blocks now and all later ones. From any thread."""
        self._cancelled = True
        self.native.cancel()

    def _is_news(self) -> bool:
        """Once: an event file of the seed's is there, and nobody has signalled with tocsin yet."""
        asks, self._ask_the_file = self._ask_the_file, False
        return asks and self.native.count == 0 and os.path.exists(self._path)

    def _open_anew(self) -> None:
        """Somebody swept the directory. With the seed a path without a file is an event that was never signalled."""
        self.native = Signal(self._name, replay=True)
