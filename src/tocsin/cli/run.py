"""tocsin run, for who came here without the program `tocsin`: `python -m tocsin.cli run`.

The program does it all (core/programs/run.c), where the events are on this host. This process becomes it, so the
command's parent, terminal and exit code are the same as if it had been called at once. Events on a server are Python's
(_run_far.py).
"""

from __future__ import annotations

import os
import sys

from tocsin._place import is_far
from tocsin.cli._exit import Failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal
    from collections.abc import Iterator
    from typing import Any

    from tocsin.cli._run_far import Call
else:
    import _signal

PROGRAM = "tocsin"


def run(verb: str, words: list[str], options: dict[str, Any]) -> int:
    """Become `tocsin run`. Failure: there is no such program here."""
    del options
    if (call := _far_call(verb, words)) is not None:
        from tocsin.cli import _run_far

        return _run_far.run(verb, call)
    for path in _candidates():
        if _is_native(path):
            # The interpreter ignores it, and what is ignored is inherited.
            _signal.signal(_signal.SIGXFSZ, _signal.SIG_DFL)
            os.execv(path, [PROGRAM, verb, *words])  # noqa: S606 - no shell is wanted
    raise Failure(
        f"the program `{PROGRAM}` is neither beside this interpreter nor on PATH (pip install --force-reinstall tocsin)"
    )


def _far_call(verb: str, words: list[str]) -> Call | None:
    """The call, if its events are on a server. What is wrong with the others the program says."""
    given = [words[i + 1] for i, word in enumerate(words[:-1]) if word == "--at"]
    given += [word[5:] for word in words if word.startswith("--at=")]
    if not any(is_far("x", at) for at in (*given, None)) or "--help" in words or "--version" in words:
        return None
    from tocsin.cli._run_far import Call

    call = Call(verb, words)
    return call if is_far("x", call.at) else None


def _candidates() -> Iterator[str]:
    beside = [os.path.dirname(os.path.abspath(sys.argv[0])), os.path.dirname(sys.executable)]
    for folder in [*beside, *os.get_exec_path()]:
        yield os.path.join(folder, PROGRAM)


def _is_native(path: str) -> bool:
    """Not a script of an older version, which would only come back here."""
    try:
        with open(path, "rb") as file:
            return file.read(4) == b"\x7fELF" and os.access(path, os.X_OK)
    except OSError:
        return False
