"""JSON on a command line: from text to values and back. One line is one value."""

from __future__ import annotations

import os
import sys

from tocsin.cli import _json
from tocsin.cli._exit import Usage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

#: Read from standard input at once, at most. A message may be much longer.
_BLOCK = 1 << 16


def read(text: str | bytes, verb: str, where: str = "") -> Any:
    """The value that `text` is; Usage when it is no JSON."""
    try:
        return _json.read(text)
    except (ValueError, RecursionError) as error:
        shown = raw_text(text)
        shown = shown if len(shown) <= 40 else shown[:40] + "..."
        mend = ": put quotes inside the quotes, '\"text\"'" if shown[:1].isalpha() else ""
        raise Usage(f"{where}{shown!r} is no JSON{mend or f': {error}'}", verb) from None


def read_all(line: bytes, verb: str, where: str = "") -> list[Any]:
    """The values that stand on a line, with blanks between them, as on a command line."""
    values = []
    rest = raw_text(line).strip()
    while rest:
        end = _json.end_of_first(rest)
        if end is None or rest[end : end + 1].strip():  # nor may two values touch
            end = len(rest)
        values.append(read(rest[:end], verb, where))  # says what is wrong
        rest = rest[end:].lstrip()
    return values


def raw_text(text: str | bytes) -> str:
    return text if isinstance(text, str) else text.decode("utf-8", "backslashreplace")


def write(value: Any) -> bytes:
    """One line of JSON."""
    return _json.write(value)


def shown(value: Any, *, plainly: bool) -> bytes:
    """As `get` and `listen` print it: bytes as they are, and text without quotes when it is asked for `plainly`."""
    if isinstance(value, bytes):
        return value
    if plainly and isinstance(value, str):
        return value.encode("utf-8", "surrogatepass")
    return write(value)


def portable(value: Any) -> dict[str, Any]:
    """The same inside a JSON document, which has no bytes: text where they are text, else Base64."""
    if not isinstance(value, bytes):
        return {"item": value}
    try:
        return {"item": value.decode()}
    except UnicodeDecodeError:
        import base64

        return {"base64": base64.b64encode(value).decode()}


def lines() -> Iterator[list[bytes]]:
    """Standard input, as the lines that have arrived together: none is held back until more have come."""
    if sys.stdin is None:
        return
    begun: list[bytes] = []
    while block := os.read(sys.stdin.fileno(), _BLOCK):
        head, newline, tail = block.rpartition(b"\n")
        if newline:
            yield b"".join([*begun, head]).split(b"\n")
            begun = []
        begun.append(tail)
    last = b"".join(begun)
    if last:
        yield [last]
