"""A process that has something until it is told how to end: what `Owner` and `Holder` (harness) have in common."""

from __future__ import annotations

import multiprocessing
import os
import signal
from typing import TYPE_CHECKING, Any, Self

from harness.until import PATIENCE_S

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection
    from types import TracebackType

#: Ways to end. To those who wait all are deaths; of the last three the process lives on.
DEATHS = ("SIGKILL", "SIGTERM", "exit", "_exit", "raise", "crash", "exec", "close", "drop")


def _crash() -> None:
    import ctypes
    import resource
    import threading

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    thread = threading.Thread(target=ctypes.string_at, args=(0,))  # SIGSEGV, in a thread that is not the main one
    thread.start()
    thread.join()


def obey(kept: list[Any], line: Connection) -> None:
    """Does what it is told, and says what that returned. A list, because whoever called the process's function keeps
    the arguments, and "drop" must drop the last handle."""
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
            kept.clear()
            line.send(None)
        else:
            line.send(getattr(kept[0], what)())


class Keeper:
    def __init__(self, module: str, keep: Callable[..., None], *args: Any) -> None:
        """`keep(*args, line)` runs there; `module` of tocsin is loaded before it is."""
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["harness.peer", keep.__module__, "tocsin", module])
        self._line, theirs = context.Pipe()
        self.process = context.Process(target=keep, args=(*args, theirs), daemon=True)
        self.process.start()
        theirs.close()
        assert self.process.pid is not None
        self.pid = self.process.pid

    def _heard(self) -> Any:
        assert self._line.poll(PATIENCE_S), "it hangs"
        return self._line.recv()

    def do(self, what: str) -> Any:
        """A call on its handle, by its name; what it returned."""
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
        assert self.process.exitcode is not None, "it did not end"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.kill()
        self.process.join(PATIENCE_S)
        self._line.close()
