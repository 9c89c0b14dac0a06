"""A process that holds a lock until it is told how to end: `with Holder(lock) as holder: holder.end("SIGKILL")`."""

from __future__ import annotations

import multiprocessing
import os
import signal
from typing import TYPE_CHECKING, Any, Self

from harness.owner import _crash
from harness.until import PATIENCE_S

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from types import TracebackType

    from tocsin import Lock

#: Ways to end while one holds it. Of the last three the process lives on.
DEATHS = ("SIGKILL", "SIGTERM", "exit", "_exit", "raise", "crash", "exec", "close", "drop")


def _hold(held: list[Lock], line: Connection) -> None:  # a list, because the caller keeps what it passed
    import warnings

    warnings.simplefilter("ignore", ResourceWarning)
    line.send(held[0].acquire())
    while True:
        what = line.recv()
        if what == "exit":
            raise SystemExit(0)
        if what == "_exit":
            os._exit(0)
        if what == "raise":
            os.close(2)  # the traceback is no news to anybody
            raise RuntimeError(what)
        if what == "crash":
            _crash()
        if what == "exec":
            os.execv("/bin/sleep", ["sleep", "1000"])
        if what == "drop":
            held.clear()
            line.send(None)
        else:
            line.send(getattr(held[0], what)())


class Holder:
    def __init__(self, lock: Lock) -> None:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["harness.peer", "harness.holder", "tocsin", "tocsin._lock"])
        self._line, theirs = context.Pipe()
        self.process = context.Process(target=_hold, args=([lock], theirs), daemon=True)
        self.process.start()
        theirs.close()
        assert self.process.pid is not None
        self.pid = self.process.pid
        assert self._heard() is True

    def _heard(self) -> Any:
        assert self._line.poll(PATIENCE_S), "the holder hangs"
        return self._line.recv()

    def do(self, what: str) -> Any:
        """`release`, `acquire`, or another call on its handle; what it returned."""
        self._line.send(what)
        return self._heard()

    def end(self, how: str) -> None:
        """As one of DEATHS. Those who wait are to hear of it, so nothing here waits for it."""
        if how.startswith("SIG"):
            os.kill(self.pid, getattr(signal, how))
        elif how in ("close", "drop"):
            self.do(how)
        else:
            self._line.send(how)

    def reap(self) -> None:
        self.process.join(PATIENCE_S)
        assert self.process.exitcode is not None, "the holder did not end"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.kill()
        self.process.join(PATIENCE_S)
        self._line.close()
