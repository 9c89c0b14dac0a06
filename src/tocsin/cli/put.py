"""`tocsin put`: values from the command line, or lines from standard input, into a queue."""

from __future__ import annotations

import os

from tocsin import _errors
from tocsin._errors import InvalidMessage, MessageTooLarge
from tocsin.cli import _values
from tocsin.cli._common import check, document
from tocsin.cli._exit import NOT_SET, OK, Usage
from tocsin.cli._light import Queue

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

_FIXED = ("maxsize", "max_bytes", "max_deliveries")


def run(verb: str, words: list[str], options: dict[str, Any]) -> int:
    name, *texts = words
    check([name], options["at"])
    timeout = None if options["timeout"] is None else max(0.0, options["timeout"])
    from_arguments = bool(texts) and texts != ["-"]
    # All of them are read before the first is put: a call that is wrong does nothing.
    given = [_item(text, verb, raw=options["raw"]) for text in texts] if from_arguments else []
    with _open(name, options) as queue:
        done = 0
        in_time = True
        wrong: Exception | None = None
        try:
            for items in [given] if from_arguments else _from_input(verb, raw=options["raw"]):
                before = done
                for some in _put(queue, items, timeout, together=from_arguments):
                    done += some
                in_time = done - before == len(items)
                if not in_time:
                    break
        except Exception as error:  # noqa: BLE001 - whatever it is, what went in before it is told
            wrong = error
        if options["json"]:
            document({"name": name, "at": queue.at, "put": done})
    if wrong is not None:
        if done or not from_arguments:
            wrong.add_note(f"{done} before it were put")
        raise wrong
    return OK if in_time else NOT_SET


def _open(name: str, options: dict[str, Any]) -> Queue:
    return Queue(
        name,
        codec="raw" if options["raw"] else "json",
        durable=options["durable"] or None,
        at=options["at"],
        mode=options["mode"],
        create=not options["no_create"],
        **{key: options[key] for key in _FIXED},
    )


def _put(queue: Queue, items: list[Any], timeout: float | None, *, together: bool) -> Iterator[int]:
    """How many went in each time there was room; ends early when there was none for `timeout` seconds."""
    start = 0
    try:
        while start < len(items):
            some = queue.put_many(items[start:], timeout=timeout)
            start += some
            yield some
    except _errors.Full:
        return
    except (InvalidMessage, MessageTooLarge):
        if together:
            raise
        # None of these lines is in; those before the one that is refused are as good as any.
        yield from _put_one_by_one(queue, items[start:], timeout)


def _put_one_by_one(queue: Queue, items: list[Any], timeout: float | None) -> Iterator[int]:
    try:
        for item in items:
            queue.put(item, timeout=timeout)
            yield 1
    except _errors.Full:
        return


def _item(text: str, verb: str, *, raw: bool) -> Any:
    return os.fsencode(text) if raw else _values.read(text, verb)


def _from_input(verb: str, *, raw: bool) -> Iterator[list[Any]]:
    """What is right before a wrong line is put all the same: it may have come an hour earlier."""
    number = 0
    for lines in _values.lines():
        items: list[Any] = []
        for line in lines:
            number += 1
            if raw:
                items.append(line)
                continue
            if not line.strip():
                continue
            try:
                items.append(_values.read(line, verb, f"line {number}: "))
            except Usage:
                yield items
                raise
        yield items
