"""`tocsin on`: a line, or a run of a command, for each emit on a bus that a pattern matches."""

from __future__ import annotations

from tocsin._bus_names import check_pattern
from tocsin.cli import _values
from tocsin.cli._common import check
from tocsin.cli._emits import open_topic, utf8
from tocsin.cli._exit import NOT_SET, OK, Usage
from tocsin.cli._heard import Heard

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Event = dict[str, Any]

#: How many emits are read at once for printing. A command gets one: the others are not heard before it is their turn.
BATCH = 256


def run(verb: str, words: list[str], options: dict[str, Any]) -> int:
    bus, pattern, *command = words
    check([bus], options["at"])
    check_pattern(utf8(pattern))
    if options["once"] and options["count"] is not None:
        raise Usage("--once is --count 1: give one of them", verb)
    limit = 1.0 if options["once"] else options["count"] or float("inf")
    if command:
        return _commands(verb, words, options, limit)
    from tocsin.cli._stream import Lines, ReaderLeft, die_quietly

    lines = Lines()
    done = 0
    with open_topic(bus, options, options["replay"] or 0) as topic:
        heard = Heard(verb, topic, pattern, options["timeout"])
        try:
            while done < limit:
                lines.check()
                events = heard.next(BATCH)
                if not events:
                    return NOT_SET
                wanted = events[: int(min(limit - done, BATCH))]
                lines.write(b"\n".join([_line(event, options) for event in wanted]))
                done += len(wanted)
        except ReaderLeft:
            return die_quietly()
    return OK


def _commands(verb: str, words: list[str], options: dict[str, Any], limit: float) -> int:
    """The worst exit code: one that fails is told, and the next emit is another's affair."""
    from tocsin.cli._handler import Handler

    bus, pattern, *command = words
    handler = Handler(verb, command)
    worst, done = OK, 0
    with open_topic(bus, options, options["replay"] or 0) as topic:
        heard = Heard(verb, topic, pattern, options["timeout"])
        while done < limit:
            events = heard.next(1)
            if not events:
                return max(worst, NOT_SET)
            worst = max(worst, handler.run(events[0], _line(events[0], options)))
            done += 1
    return worst


def _line(event: Event, options: dict[str, Any]) -> bytes:
    return _values.write(event if options["json"] else {key: event[key] for key in ("name", "args", "kwargs")})
