"""A command that is run once for each item: its exit code decides what becomes of the item."""

from __future__ import annotations

from tocsin.cli import _values
from tocsin.cli._exit import FAILED, OK, Failure, complain
from tocsin.cli._runner import Runner, ending

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from tocsin._delivery import Delivery


class Worker:
    def __init__(self, verb: str, name: str, command: list[str], delay: float | None) -> None:
        self._verb = verb
        self._name = name
        self._command = command
        self._delay = delay or 0.0
        # What can't be started must not cost every item a delivery.
        self._runner = Runner(command[0], "nothing was taken")

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
        about = f"{self._name!r}: item {delivery.sequence}, attempt {delivery.attempt}"
        complain(self._verb, Failure(f"{about}: {self._command[0]} {ending(code)}: the item was given back"))
        return FAILED

    def _run(self, delivery: Delivery[Any]) -> int:
        about = {"TOCSIN_ATTEMPT": str(delivery.attempt), "TOCSIN_SEQUENCE": str(delivery.sequence)}
        try:
            return self._runner.run(self._command, _values.shown(delivery.item, plainly=False) + b"\n", about)
        except OSError as error:
            raise Failure(f"{self._command[0]}: {error.strerror}: the item was given back") from None
