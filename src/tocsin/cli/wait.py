"""`tocsin wait`."""

from __future__ import annotations

from tocsin._event import Event
from tocsin.cli._common import check, document
from tocsin.cli._exit import NOT_SET, OK, Usage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def run(verb: str, names: list[str], options: dict[str, Any]) -> int:
    if options["watch"]:
        from tocsin.cli import watch

        return watch.run(verb, names, options)
    if len(names) > 1 or options["any"] or options["all"]:
        from tocsin.cli import wait_many

        return wait_many.run(verb, names, options)
    (name,) = names
    if options["clear"] and options["since"] is not None:
        raise Usage("--since counts sets: it can't go with --clear", verb)
    check(names, options["at"])
    with Event(name, at=options["at"], mode=options["mode"], create=not options["no_create"]) as event:
        if options["clear"]:
            done = event.wait_clear(options["timeout"])
        else:
            done = event.wait(options["timeout"], since=options["since"])
        if options["json"]:
            now = {"name": name, "at": event.at, "is_set": event.is_set(), "generation": event.generation}
            document({"done": done, **now})
    return OK if done else NOT_SET
