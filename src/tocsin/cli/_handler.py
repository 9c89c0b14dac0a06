"""What `tocsin on` runs for each emit: a command that hears of it on standard input, or by its words."""

from __future__ import annotations

import os

from tocsin.cli._exit import FAILED, OK, Failure, complain
from tocsin.cli._runner import Runner, ending

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_PLACE_HOLDER = b"{}"


class Handler:
    def __init__(self, verb: str, command: list[str]) -> None:
        self._verb = verb
        self._runner = Runner(command[0], "nothing was heard")
        self._program, *self._words = [os.fsencode(word) for word in command]
        # Not in the first word: an event must not choose what is run.
        self._by_words = any(_PLACE_HOLDER in word for word in self._words)

    def run(self, event: dict[str, Any], line: bytes) -> int:
        """0, or 3 when the command failed, which is told."""
        words = [self._program, *(word.replace(_PLACE_HOLDER, line) for word in self._words)]
        about = {"TOCSIN_EVENT": event["name"], "TOCSIN_SEQUENCE": str(event["sequence"])}
        try:
            code = self._runner.run(words, None if self._by_words else line + b"\n", about)
        except OSError as error:  # too long for an argument, say: the next may be shorter
            why = f"could not be started: {error.strerror}"
        except ValueError as error:  # a name that no environment can hold
            why = f"could not be started: {error}"
        else:
            if code == 0:
                return OK
            why = ending(code)
        program = os.fsdecode(self._program)
        complain(self._verb, Failure(f"emit {event['sequence']}, {event['name']!r}: {program} {why}"))
        return FAILED
