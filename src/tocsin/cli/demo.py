"""`tocsin demo`: hands over to tocsin.demo."""

from __future__ import annotations

import signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def run(verb: str, words: list[str], options: dict[str, Any]) -> int:
    del verb
    from tocsin.demo import main

    # Its stages write to pipes of their own: a stage that dies must not take the demo along.
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    code = main(words[0] if words else None, quick=options["quick"], json=options["json"])
    if code == 130:
        raise KeyboardInterrupt
    return code
