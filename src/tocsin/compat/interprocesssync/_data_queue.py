# ruff: noqa: N802, N803 - the seed's names
"""The seed's `JSONDataQueue`: a directory that any process can put values into, each for one listener."""

from __future__ import annotations

import hashlib
import os
from typing import Any

from tocsin._errors import InvalidMessage, ObjectRemoved, ShutDown, WaitCancelled
from tocsin._queue import Queue
from tocsin.compat.interprocesssync._beside import as_the_seed_reads
from tocsin.compat.interprocesssync._leftovers import Leftovers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

#: The object in the directory. The seed's own files begin with "q_" or "tmp_".
_NAME = "queue.tocsin"


class JSONDataQueue:
    """A directory as a queue of JSON values, for any number of senders and listeners.

    What the seed left in the directory, one file `q_*` for an item, is handed out first, in its order.

    Caveat: `native`, the `tocsin.Queue` underneath, is the object `queue.tocsin` in the directory, and knows nothing
    of the seed's files. Fix: let a listener of this class empty them before programs use the Queue alone.
    """

    def __init__(self, dirPath: str, sleepTime: float = 1, bFireOnInit: bool = True) -> None:  # noqa: ARG002, FBT001, FBT002
        if not isinstance(dirPath, str):
            raise TypeError(f"dirPath must be a str, not {type(dirPath).__name__}")
        if not os.path.isdir(dirPath):
            raise NotADirectoryError(f"{dirPath!r} is no directory: make it before the queue")
        self._path = dirPath
        self._sleep = sleepTime
        self._name = os.path.join(os.path.realpath(dirPath), _NAME)
        self._cancelled = False
        self._leftovers = Leftovers(os.path.realpath(dirPath))
        self.native: Queue[Any] = Queue(self._name)

    def dirPath(self) -> str:
        """The path as it was given."""
        return self._path

    def sleepTime(self) -> float:
        """What was given. Nothing sleeps for that long any more: a listener wakes when an item comes."""
        return self._sleep

    def put(self, data: Any) -> None:
        """Append `data`, and wake one listener."""
        while True:
            try:
                self.native.put(data)
            except InvalidMessage:
                self.native.put(as_the_seed_reads(data))
            except ObjectRemoved:
                self._open_anew()
                continue
            return

    def getG(self) -> Iterator[Any]:
        """Yield items as they come, each taken from the queue before it is handed over, until it is cancelled."""
        while not self._cancelled:
            found = self._leftovers.take()
            if found is not None:
                yield found[0]
                continue
            try:
                item = self.native.get()
            except (WaitCancelled, ShutDown):
                return
            except ObjectRemoved:
                self._open_anew()
                continue
            yield item

    def cancelWait(self) -> None:
        """End this object's `getG`, also while it waits. From any thread. `put` goes on working."""
        self._cancelled = True
        self.native.cancel()

    def length(self) -> int:
        """How many items are there now."""
        return len(self._leftovers.names()) + self.native.qsize()

    __len__ = length

    def hash(self) -> str:
        """Sixty-four hexadecimal digits that are others as soon as other items are there."""
        digest = hashlib.sha256()
        for name in self._leftovers.names():
            digest.update(name.encode("utf-8", "surrogateescape"))
        now = self.native.stats()
        if now.ready:
            digest.update(f"{now.id:016x} {now.puts} {now.ready}".encode())
        return digest.hexdigest()

    def _open_anew(self) -> None:
        """Somebody swept the directory. The seed went on with what came after that, and so do we."""
        self.native = Queue(self._name)
