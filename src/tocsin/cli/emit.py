"""`tocsin emit`: an event with its arguments, to everyone on a bus who listens."""

from __future__ import annotations

from tocsin._bus_names import check_name
from tocsin.cli import _values
from tocsin.cli._common import check, document
from tocsin.cli._emits import open_topic, packed, utf8
from tocsin.cli._exit import NOT_SET, OK, Usage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any


def run(verb: str, words: list[str], options: dict[str, Any]) -> int:
    bus, name, *texts = words
    check([bus], options["at"])
    check_name(utf8(name))
    kwargs = {} if options["kwargs"] is None else _keywords(options["kwargs"], verb)
    # All of it is read before the first is emitted: a call that is wrong does nothing.
    if texts == ["-"]:
        emits: Iterable[list[bytes]] = _from_input(verb, name, kwargs)
    else:
        emits = [[packed(name, [_values.read(text, verb) for text in texts], kwargs)]]
    done, sequence, in_time = 0, 0, True
    wrong: Exception | None = None
    with open_topic(bus, options) as topic:
        try:
            for payloads in emits:
                if payloads:
                    sequence = topic.emit_many(payloads, wait=options["wait"] or 0.0)
                    done += len(payloads)
        except TimeoutError as error:
            done += error.done  # type: ignore[attr-defined]
            in_time = False
        except Exception as error:  # noqa: BLE001 - whatever it is, what went out before it is told
            done += getattr(error, "done", 0)
            wrong = error
        if options["json"]:
            document({"name": bus, "at": topic.at, "emitted": done, "sequence": sequence or None})
    if wrong is not None:
        if texts == ["-"]:
            wrong.add_note(f"{done} before it were emitted")
        raise wrong
    return OK if in_time else NOT_SET


def _keywords(text: str, verb: str) -> dict[str, Any]:
    found = _values.read(text, verb, "--kwargs: ")
    if not isinstance(found, dict):
        raise Usage(f"--kwargs: {text!r} is no JSON object: give names and values, '{{\"size\": 7}}'", verb)
    return found


def _from_input(verb: str, name: str, kwargs: dict[str, Any]) -> Iterator[list[bytes]]:
    """What is right before a wrong line is emitted all the same: it may have come an hour earlier."""
    number = 0
    for lines in _values.lines():
        payloads: list[bytes] = []
        for line in lines:
            number += 1
            if not line.strip():
                continue
            try:
                args = _values.read_all(line, verb, f"line {number}: ")
            except Usage:
                yield payloads
                raise
            payloads.append(packed(name, args, kwargs))
        yield payloads
