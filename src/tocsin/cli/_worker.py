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
        try:
            child = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                env=environment,
                preexec_fn=self._end_with_us,  # noqa: PLW1509 - this process has one thread
            )
        except OSError as error:
            raise Failure(f"{self._command[0]}: {error.strerror}: the item was given back") from None
        try:
            child.communicate(line)  # one that doesn't read is no error
        except BaseException:
            # Ctrl-C at a terminal has reached it too; a signal to us alone has not. It may still tidy up.
            child.terminate()
            child.wait()
            raise
        return child.returncode

    def _end_with_us(self) -> None:
        """In the child: when we are killed the item goes to another worker, so this one's work must not go on."""
        self._prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != self._us:
            os._exit(1)


def _can_run(program: str) -> bool:
    folders = [""] if "/" in program else os.get_exec_path()
    paths = (os.path.join(folder, program) for folder in folders)
    return any(os.path.isfile(path) and os.access(path, os.X_OK) for path in paths)
