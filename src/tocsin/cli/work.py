"""`tocsin work`: a pool of commands, one for each item of a queue."""

from __future__ import annotations

from tocsin.cli._common import check
from tocsin.cli._exit import Usage
from tocsin.cli._light import Queue

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

#: Between SIGTERM and SIGKILL, in seconds.
GRACE = 5.0


def run(verb: str, words: list[str], options: dict[str, Any]) -> int:
    name, *words = words
    check([name], options["at"])
    if not words:
        raise Usage("which command? give it after --", verb)
    from tocsin.cli._errand import Command
    from tocsin.cli._guard import Guard
    from tocsin.cli._pool import Pool, Terms

    command = Command(name, words)
    wrong = command.is_wrong()  # what can't be started must not cost every item a delivery
    if wrong is not None:
        return wrong.tell(verb, "nothing was taken")
    command.guard = Guard()
    terms = Terms(
        jobs=options["jobs"] if options["jobs"] is not None else 1,
        timeout=options["timeout"],
        grace=GRACE if options["grace"] is None else options["grace"],
        delay=options["retry_delay"] or 0.0,
        until_empty=options["until_empty"],
    )
    with Queue(name, at=options["at"], mode=options["mode"], create=not options["no_create"]) as queue:
        pool = Pool(verb, queue, command, terms, _bar(name, options))
        return pool.work()


def _bar(name: str, options: dict[str, Any]) -> Any:
    """Only for a person who looks: rich costs more than the rest of the start."""
    import os

    if options["no_bar"] or not os.isatty(2):
        return None
    from tocsin.cli._bar import Bar

    return Bar(name)
