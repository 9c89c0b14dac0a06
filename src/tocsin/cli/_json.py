"""JSON for commands: the C halves of the standard library's json, without the rest of it.

`import json` brings `re` along, and msgspec still more: each of them costs more than half of a bare start, for what is
mostly one value. The grammar is msgspec's, which the library uses: what one takes, the other takes.
"""

from __future__ import annotations

from _json import encode_basestring, encode_basestring_ascii, make_encoder, make_scanner

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_INFINITIES = (float("inf"), float("-inf"))


def _real(text: str) -> float:
    value = float(text)
    if value in _INFINITIES:
        raise ValueError(f"the number {text} is too large")
    return value


def _no_number(text: str) -> float:
    raise ValueError(f"there is no {text} in JSON")


class _Settings:
    """What the scanner asks for when it is made."""

    strict = True
    object_hook = None
    object_pairs_hook = None
    parse_float = staticmethod(_real)
    parse_int = int
    parse_constant = staticmethod(_no_number)
    memo: dict[str, str] = {}  # noqa: RUF012 - the scanner wants an attribute of that name


def _strange(value: object) -> None:
    msg = f"a {type(value).__name__} is nothing that JSON has"
    raise TypeError(msg)


#: The stub takes a scanner for what a scanner is made of.
_scan = make_scanner(_Settings)  # type: ignore[arg-type]
_chunks = make_encoder(None, _strange, encode_basestring, None, ":", ",", False, False, False)
_SPACE = " \t\n\r"


def read(text: str | bytes) -> Any:
    """The one value that `text` is. ValueError, with what is wrong."""
    if isinstance(text, bytes):
        text = text.decode()
    text = text.strip(_SPACE)
    try:
        value, end = _scan(text, 0)
    except StopIteration as stop:
        found = text[stop.value :][:1]
        raise ValueError(f"a value should begin at {found!r}" if found else "there is no value") from None
    except SystemError:  # before Python 3.13 the scanner's exception has to be imported by others
        __import__("json.decoder")
        value, end = _scan(text, 0)
    if end != len(text):
        raise ValueError(f"{text[end : end + 10]!r} follows the value")
    if "\\" in text:
        write(value)  # half of a pair, \ud800, can be written so, but is no text
    return value


def end_of_first(text: str) -> int | None:
    """Where the first of several values ends that stand one after the other; None: it is none."""
    try:
        end: int = _scan(text, 0)[1]
    except (StopIteration, ValueError, RecursionError, SystemError):
        return None
    return end


def write(value: Any) -> bytes:
    """`value` on one line. ValueError for what would not be JSON."""
    return "".join(_chunks(value, 0)).encode()


def pretty(value: Any, margin: str = "\n") -> str:
    """`value` for people and for programs, indented, in ASCII."""
    deeper = margin + "  "
    if isinstance(value, dict) and value:
        rows = [f"{encode_basestring_ascii(str(key))}: {pretty(each, deeper)}" for key, each in value.items()]
        return "{" + deeper + ("," + deeper).join(rows) + margin + "}"
    if isinstance(value, list | tuple) and value:
        return "[" + deeper + ("," + deeper).join(pretty(each, deeper) for each in value) + margin + "]"
    if isinstance(value, str):
        return encode_basestring_ascii(value)
    return "".join(_chunks(value, 0))
