"""`tocsin wait --any` and `--all`: several objects, of any kind."""

from __future__ import annotations

from contextlib import ExitStack

from tocsin._event import Event
from tocsin._wait_any import wait_all, wait_any
from tocsin.cli._common import check, document
from tocsin.cli._exit import NOT_SET, OK, Usage, plain, say
from tocsin.cli._kinds import DATA, LOCK, QUEUE, SIGNAL, kind_at

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from tocsin._object import Handle


def _hint(last: str) -> str:
    """evt_wait has its timeout behind the name, so people write it here."""
    try:
        float(last)
    except ValueError:
        return ""
    return f"; seconds are --timeout {last}"


def run(verb: str, names: list[str], options: dict[str, Any]) -> int:
    if options["any"] == options["all"]:
        what = "both were given" if options["any"] else "several names were given"
        raise Usage(f"{what}: say --any or --all{_hint(names[-1])}", verb)
    if options["clear"] or options["since"] is not None:
        raise Usage("--clear and --since are for one event: they can't go with --any and --all", verb)
    check(names, options["at"])
    with ExitStack() as stack:
        objs = []
        for name in names:
            made = _open(name, options)
            stack.callback(made.close)
            objs.append(made)
        if options["all"]:
            found = list(objs) if wait_all(*objs, timeout=options["timeout"]) else []
        else:
            found = wait_any(*objs, timeout=options["timeout"])
        for one in found:
            one._arm(0)  # raises what has ended it
            if isinstance(one, Event):
                one.wait(0)  # and that its owner died
    ready = [name for name, one in zip(names, objs, strict=True) if any(one is each for each in found)]
    if options["json"]:
        document({"done": bool(found), "ready": ready})
    else:
        for name in ready:
            say(plain(name))
    return OK if found else NOT_SET


def _open(name: str, options: dict[str, Any]) -> Handle:
    """As what it is; an event if there is none. A signal that came before doesn't count, a value does."""
    import tocsin

    kinds = {SIGNAL: "Signal", DATA: "DataEvent", QUEUE: "Queue", LOCK: "Lock"}  # loaded by name: what is there alone
    kind: Any = getattr(tocsin, kinds.get(kind_at(name, options["at"]) or 0, "Event"))
    made: Handle = kind(name, at=options["at"], mode=options["mode"], create=not options["no_create"])
    return made
