"""The command `tocsin`: all verbs but `run`.

The program `tocsin` (core/programs/tocsin.c) does `run` itself, and becomes this, as `tocsin-verbs`,
for any other verb.

Its start is most of what a call costs, so nothing is imported that the call at hand does not need: the verbs
are a table (_verbs.py), by which _quick.py reads a call, _pages.py tells about it, and complete.py completes it.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal
    from typing import Any

    from tocsin.cli._verbs import Verb
else:
    import _signal  # the module `signal` builds enums, for longer than our work takes


def main() -> int:
    """Run this process's call. Ends the process with the exit code (cli/_exit.py); Ctrl-C, by SIGINT."""
    _die_like_a_command()
    _keep_standard_descriptors()
    words = sys.argv[1:]
    code = call(words)
    if words[:1] not in (["demo"], ["doctor"]):
        # Nothing of ours waits for the interpreter to take itself apart, which costs a fifth of a bare start.
        os._exit(code)
    return code


def call(words: list[str]) -> int:
    """One call, in this process: the exit code, after everything was written."""
    from tocsin.cli._exit import complain, say

    verb = words[0] if words and not words[0].startswith("-") else None
    try:
        if sys.stdout is not None:
            sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
        code = _call(words)
        say(flush=True)
    except KeyboardInterrupt:
        return _die_by_interrupt()
    except Exception as error:  # noqa: BLE001 - a command says one line, never a traceback
        _forget_output()
        return complain(getattr(error, "verb", verb), error)
    return code


def _call(words: list[str]) -> int:
    from tocsin.cli._quick import read

    if words == ["--version"]:
        from tocsin import __version__
        from tocsin.cli._exit import say

        say(f"tocsin {__version__}")
        return 0
    return _run(*read(words))


def _run(verb: Verb, words: list[str], options: dict[str, Any]) -> int:
    if verb.interrupts and _signal.getsignal(_signal.SIGINT) == _signal.SIG_DFL:
        _signal.signal(_signal.SIGINT, _signal.default_int_handler)
    # Not importlib.import_module: that is one import more, and this is the whole start.
    __import__(verb.module)
    code = sys.modules[verb.module].run(verb.name, words, options)
    assert isinstance(code, int)
    return code


def _die_like_a_command() -> None:
    """Ctrl-C and a closed pipe end a command by their signals; what the caller ignores stays ignored."""
    if _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler:
        _signal.signal(_signal.SIGINT, _signal.SIG_DFL)
    _signal.signal(_signal.SIGPIPE, _signal.SIG_DFL)


def _die_by_interrupt() -> int:
    _signal.signal(_signal.SIGINT, _signal.SIG_DFL)
    os.kill(os.getpid(), _signal.SIGINT)
    return 130  # the signal is blocked: at least the code says it


def _keep_standard_descriptors() -> None:
    """If the caller closed 0, 1 or 2, an object's file would get that number, and our messages with it."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)


def _forget_output() -> None:
    """What could not be written must not be tried again, and complained about, when the interpreter ends."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
