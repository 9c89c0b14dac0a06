"""The exit codes of every verb, in words: for --help, the manual page and the tests. The numbers are those of _exit.py.

What the native programs do beside it stands in core/programs/program.h and run.h; a test holds them together.
"""

from __future__ import annotations

from tocsin.cli._exit import FAILED, NO_COMMAND, NOT_RUNNABLE, NOT_SET, OK, OWNER_DIED, USAGE

#: `tocsin run` passes on its command's codes, and keeps away from them with its own, as env and timeout do.
RUN_OWNER_DIED, RUN_TIMED_OUT, RUN_FAILED = 123, 124, 125

#: What a code means, whichever verb it is.
MEANINGS = {
    OK: "done, it is set, all is well",
    NOT_SET: "not in time, or not so",
    USAGE: "the call was wrong, and nothing was done",
    FAILED: "it could not be done",
    OWNER_DIED: "who had promised to set the event died before",
    RUN_OWNER_DIED: "run: who had promised to set the event died before; the command was not started",
    RUN_TIMED_OUT: "run: --timeout passed before the command was started",
    RUN_FAILED: "run: it could not be done",
    NOT_RUNNABLE: "run, work: the command can't be executed",
    NO_COMMAND: "run, work: there is no such command",
}

_LATE = "nothing came in time"
_UNABLE = "it could not be done"

#: What each verb's codes mean beyond 2, which all have; without an entry: 0 and 3.
OF_VERB: dict[str, dict[int, str]] = {
    "wait": {OK: "it is so", NOT_SET: "not in time", FAILED: _UNABLE, OWNER_DIED: "who had promised to set it died"},
    "signal": {OK: "done", NOT_SET: "the value has another version (--if-version)", FAILED: _UNABLE},
    "listen": {OK: "all of --count were printed", NOT_SET: _LATE, FAILED: _UNABLE},
    "put": {OK: "all are in", NOT_SET: "it stayed full", FAILED: _UNABLE},
    "get": {OK: "all of --count were printed", NOT_SET: _LATE, FAILED: _UNABLE},
    "receive": {OK: "all of --count were done", NOT_SET: _LATE, FAILED: "CMD failed, or it could not be done"},
    "work": {
        OK: "ended as it should: --until-empty, SIGTERM, or the queue was shut down",
        FAILED: "an item's last try failed, or it could not be done",
        NOT_RUNNABLE: "CMD can't be executed",
        NO_COMMAND: "there is no CMD",
    },
    "emit": {OK: "all were emitted", NOT_SET: "who listens was too slow for --wait", FAILED: _UNABLE},
    "on": {OK: "all of --count were heard", NOT_SET: _LATE, FAILED: "CMD failed, or it could not be done"},
    "run": {
        OK: "and any other: COMMAND's own; if a signal ended it, run ends by it too",
        RUN_OWNER_DIED: "an owner died before its event was set",
        RUN_TIMED_OUT: "not set in time",
        RUN_FAILED: _UNABLE,
        NOT_RUNNABLE: "COMMAND can't be executed",
        NO_COMMAND: "there is no COMMAND",
    },
    "peek": {OK: "printed", NOT_SET: "there is none", FAILED: _UNABLE},
    "status": {OK: "all are set, or there", NOT_SET: "one is not", FAILED: _UNABLE},
    "check": {OK: "sound, or repaired", NOT_SET: "one is not sound", FAILED: "something can't be looked at"},
    "doctor": {OK: "fit, if perhaps with warnings", FAILED: "unfit"},
    "demo": {OK: "all agree", NOT_SET: "something differs from what a plain program computes"},
    "help": {OK: "printed"},
    "completion": {OK: "printed"},
    "complete": {OK: "printed"},
}


def of(verb: str) -> dict[int, str]:
    """The codes that `verb` can end with, and what they mean."""
    found = OF_VERB.get(verb, {OK: "done", FAILED: _UNABLE})
    return dict(sorted({USAGE: "wrong usage", **found}.items()))
