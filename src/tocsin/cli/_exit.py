"""What the exit codes of `tocsin` and of the `evt_` programs mean, and the one line that goes with them."""

from __future__ import annotations

import os
import sys

OK = 0  #: done, it is set, all is well
NOT_SET = (
    1  #: the time is over (`wait`, `get`, `put` ...), or it is not set, not there, not so (`status`, `peek`, `check`)
)
USAGE = 2  #: the call was wrong: another try of the same can't help
FAILED = 3  #: it could not be done
OWNER_DIED = 4  #: who had promised to set it is dead (`wait`)
NOT_RUNNABLE = 126  #: the command can't be executed (`run`, `work`)
NO_COMMAND = 127  #: there is no such command (likewise)


class Usage(Exception):
    """The call was wrong. `verb`: whose --help tells more."""

    def __init__(self, message: str, verb: str | None = None) -> None:
        super().__init__(message)
        self.verb = verb


class Failure(Exception):
    """It could not be done, for a reason that no exception of the library stands for."""


def plain(text: str) -> str:
    """`text` on one line, with what would disturb a terminal escaped; also what is no UTF-8."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in text)


def say(line: str = "", *, flush: bool = False) -> None:
    """`line` to standard output, if there is one; the last call flushes."""
    if sys.stdout is None:
        return
    try:
        if line:
            sys.stdout.write(line + "\n")
        if flush:
            sys.stdout.flush()
    except OSError as error:
        raise Failure(f"can't write to standard output: {error.strerror}") from None


def code_of(error: Exception) -> int:
    """ValueError says that a name, place, mode or timeout is wrong; its child ConfigMismatch is about the object."""
    from tocsin._errors import OwnerDied, TocsinError

    if isinstance(error, OwnerDied):
        return OWNER_DIED
    wrong = isinstance(error, Usage) or (isinstance(error, ValueError) and not isinstance(error, TocsinError))
    return USAGE if wrong else FAILED


def reason_of(error: Exception) -> str:
    text = str(error) or type(error).__name__
    if isinstance(error, OSError) and error.strerror:
        # Not str(error): "[Errno 2]" tells a shell's user nothing.
        named = error.filename if isinstance(error.filename, str) and error.filename else None
        text = f"{error.strerror} ({named})" if named and named not in error.strerror else error.strerror
    # Notes: what differs, where a ConfigMismatch knows it; what was done before it came.
    return "; ".join([text, *getattr(error, "__notes__", ())])


def complain(verb: str | None, error: Exception) -> int:
    """One line on standard error, in one write; the exit code."""
    code = code_of(error)
    program = f"tocsin {verb}" if verb else "tocsin"
    mend = f" (see {program} --help)" if isinstance(error, Usage) else ""
    line = f"{program}: {plain(reason_of(error))}{mend}\n"
    try:
        if sys.stderr is not None:
            os.write(2, line.encode("utf-8", "backslashreplace"))
    except OSError:
        pass  # nobody hears us; the code still tells
    return code
