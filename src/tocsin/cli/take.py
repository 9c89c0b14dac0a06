"""`tocsin get` and `tocsin receive`: take items from a queue.

Both hold an item until it was printed, or its command has ended, and only then say that it is done. Killed before
that, they leave it in the queue.
"""

from __future__ import annotations

from tocsin import _errors
from tocsin.cli import _values
from tocsin.cli._common import check
from tocsin.cli._exit import NOT_SET, OK, Failure
from tocsin.cli._light import Queue

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from tocsin._delivery import Delivery

    #: Does something with an item: the exit code.
    Use = Callable[[Delivery[Any]], int]


def run(verb: str, words: list[str], options: dict[str, Any]) -> int:
    name, *command = words
    check([name], options["at"])
    if command:
        from tocsin.cli._worker import Worker

        worker = Worker(verb, name, command, options["delay"])
        with _open(name, options) as queue:
            return _each(queue, options, lambda: None, worker.work)
    from tocsin.cli._stream import Lines, ReaderLeft, die_quietly

    lines = Lines()

    def show(delivery: Delivery[Any]) -> int:
        try:
            lines.write(_line(name, delivery, options))
        except BaseException:
            delivery.nack()
            raise
        delivery.ack()
        return OK

    with _open(name, options) as queue:
        try:
            return _each(queue, options, lines.check, show)
        except ReaderLeft:
            pass
    return die_quietly()


def _open(name: str, options: dict[str, Any]) -> Queue:
    return Queue(name, at=options["at"], mode=options["mode"], create=not options["no_create"])


def _each(queue: Queue, options: dict[str, Any], before: Callable[[], None], use: Use) -> int:
    """As many items as were asked for; the worst exit code of what was done with them."""
    limit = 1.0 if options["count"] is None else options["count"]
    timeout = None if options["timeout"] is None else max(0.0, options["timeout"])
    worst, taken = OK, 0
    while taken < limit:
        before()
        try:
            delivery = queue.receive(timeout=timeout)
        except _errors.Empty:
            return max(worst, NOT_SET)
        except _errors.ShutDown:
            if limit == float("inf"):
                return worst  # all that there will ever be
            raise Failure(f"{queue.name!r} at {queue.at!r} was shut down, and is empty") from None
        taken += 1
        worst = max(worst, use(delivery))
    return worst


def _line(name: str, delivery: Delivery[Any], options: dict[str, Any]) -> bytes:
    item = delivery.item
    if not options["json"]:
        return _values.shown(item, plainly=options["raw"])
    about = {"name": name, "sequence": delivery.sequence, "attempt": delivery.attempt}
    return _values.write({**about, **_values.portable(item)})
