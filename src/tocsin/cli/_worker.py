"""A command that is run once for each item: its exit code decides what becomes of the item."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
from typing import TYPE_CHECKING, Any

from tocsin.cli import _values
from tocsin.cli._exit import FAILED, OK, Failure, complain

if TYPE_CHECKING:
    from tocsin._delivery import Delivery

_PR_SET_PDEATHSIG = 1


class Worker:
    def __init__(self, verb: str, name: str, command: list[str], delay: float | None) -> None:
        self._verb = verb
        self._name = name
        self._command = command
        self._delay = delay or 0.0
        self._prctl = ctypes.CDLL(None).prctl  # looked up here: after fork only what is safe there
        self._mask: set[signal.Signals | int] = set()
        self._us = os.getpid()
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)  # a command that doesn't read its item doesn't kill us
        # What can't be started must not cost every item a delivery.
        if not _can_run(command[0]):
            raise Failure(f"{command[0]}: no such command, or not executable: nothing was taken")

    def work(self, delivery: Delivery[Any]) -> int:
        """Run the command on the item. 0: ack; anything else: back to the queue, and 3."""
        try:
            code = self._run(delivery)
        except BaseException:
            delivery.nack()
            raise
        if code == 0:
            delivery.ack()
            return OK
        delivery.nack(delay=self._delay)
        end = f"ended with {code}" if code > 0 else f"was ended by {signal.Signals(-code).name}"
        about = f"{self._name!r}: item {delivery.sequence}, attempt {delivery.attempt}"
        complain(self._verb, Failure(f"{about}: {self._command[0]} {end}: the item was given back"))
        return FAILED

    def _run(self, delivery: Delivery[Any]) -> int:
        environment = {
            **os.environ,
            "TOCSIN_ATTEMPT": str(delivery.attempt),
            "TOCSIN_SEQUENCE": str(delivery.sequence),
        }
        line = _values.shown(delivery.item, plainly=False) + b"\n"
        # Ctrl-C waits until we know of the child: between its start and our `try` it would have got away.
        self._mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        child = None
        try:
            child = self._start(environment)
            signal.pthread_sigmask(signal.SIG_SETMASK, self._mask)
            child.communicate(line)  # one that doesn't read is no error
        except BaseException:
            # At a terminal Ctrl-C has reached it too; a signal to us alone has not. It may still tidy up.
            if child is not None:
                child.terminate()
                child.wait()
            raise
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, self._mask)
        return child.returncode

    def _start(self, environment: dict[str, str]) -> subprocess.Popen[bytes]:
        try:
            return subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                env=environment,
                preexec_fn=self._end_with_us,  # noqa: PLW1509 - this process has one thread
            )
        except OSError as error:
            raise Failure(f"{self._command[0]}: {error.strerror}: the item was given back") from None

    def _end_with_us(self) -> None:
        """In the child: when we are killed the item goes to another worker, so this one's work must not go on."""
        self._prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != self._us:
            os._exit(1)
        signal.pthread_sigmask(signal.SIG_SETMASK, self._mask)


def _can_run(program: str) -> bool:
    folders = [""] if "/" in program else os.get_exec_path()
    paths = (os.path.join(folder, program) for folder in folders)
    return any(os.path.isfile(path) and os.access(path, os.X_OK) for path in paths)
