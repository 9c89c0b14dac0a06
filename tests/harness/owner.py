"""A process that owns an event until it is told how to end: `with Owner(event) as owner: ...; owner.end("SIGKILL")`."""

from __future__ import annotations

import multiprocessing
import os
import signal
from typing import TYPE_CHECKING, Any, Self

from harness.until import PATIENCE_S

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from types import TracebackType

    from tocsin import Event

#: What is a death to those who wait. Of the last three the process lives on.
DEATHS = ("SIGKILL", "SIGTERM", "exit", "_exit", "raise", "crash", "exec", "close", "drop")


def _crash() -> None:
    import ctypes
    import resource
    import threading

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    thread = threading.Thread(target=ctypes.string_at, args=(0,))  # SIGSEGV, in a thread that is not the main one
    thread.start()
    thread.join()


def _own(held: list[Event], command: str | None, line: Connection) -> None:
    # A list, because whoever called us keeps the arguments, and "drop" must drop the last handle.
    try:
        held[0].own(command=command)
    except BaseException as error:
        line.send(error)
        return
    line.send(None)
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
        else:
            getattr(held[0], what)()
        line.send(None)


class Owner:
    def __init__(self, event: Event, command: str | None = "make all") -> None:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["harness.peer", "harness.owner", "tocsin", "tocsin._event"])
        self._line, theirs = context.Pipe()
        self.process = context.Process(target=_own, args=([event], command, theirs), daemon=True)
        self.process.start()
        theirs.close()
        assert self.process.pid is not None
        self.pid = self.process.pid
        if (fault := self._heard()) is not None:
            self.process.join(PATIENCE_S)
            raise fault

    def _heard(self) -> Any:
        assert self._line.poll(PATIENCE_S), "the owner hangs"
        return self._line.recv()

    def do(self, what: str) -> None:
        """`set`, `disown`, or another call on its handle; returns when it is done."""
        self._line.send(what)
        assert self._heard() is None

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
        assert self.process.exitcode is not None, "the owner did not end"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.kill()
        self.process.join(PATIENCE_S)
        self._line.close()
