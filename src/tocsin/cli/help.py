"""`tocsin help`, `tocsin help VERB`, `tocsin --help` and `tocsin VERB --help`."""

from __future__ import annotations

import sys

from tocsin.cli._exit import OK, say
from tocsin.cli._pages import overview, page, verb_named

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def run(verb: str, words: list[str], options: dict[str, Any]) -> int:
    del verb, options
    asked = verb_named(words[0]) if words else None
    if asked is not None and asked.native:
        __import__(asked.module)
        code = sys.modules[asked.module].run(asked.name, ["--help"], {})
        assert isinstance(code, int)
        return code
    say((page(asked) if asked else overview()).rstrip("\n"))
    return OK
