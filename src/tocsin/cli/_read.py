"""From text to values: what a timeout, a mode and a count look like on a command line.

The same grammar as the `evt_` programs (core/programs/seconds.c): what one takes, the other takes.
"""

from __future__ import annotations

_NUMBER = frozenset("0123456789.eE+-")


def seconds(text: str) -> float:
    bare = text[1:] if text[:1] in ("+", "-") else text
    if bare.lower() in ("inf", "infinity"):
        return float(text)
    # float() alone would take "1_0", " 1" and "nan".
    sound = _NUMBER.issuperset(bare) and bare[:1] not in ("+", "-")
    try:
        value = float(bare if sound else "nonsense")
    except ValueError:
        raise ValueError(f"{text!r}: a timeout is a number of seconds, or inf") from None
    if text[:1] == "-":
        return -value
    if value > 9e9:
        raise ValueError(f"{text!r}: a timeout may not be longer than 9e9 seconds; inf waits for ever")
    return value


def mode(text: str) -> int:
    if text and len(text) <= 5 and set(text) <= set("01234567"):
        value = int(text, 8)
        if value <= 0o777 and value & 0o600 == 0o600:
            return value
    raise ValueError(f"{text!r}: a mode is octal, 0600 to 0777, and its owner may always read and write")


def _digits(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else None


def count(text: str) -> int:
    value = _digits(text)
    if value is None:
        raise ValueError(f"{text!r}: a generation or version is a whole number, as `tocsin status` shows it")
    return value


def size(text: str) -> int:
    value = _digits(text)
    if value is None:
        raise ValueError(f"{text!r}: a limit is a whole number; 0 is no limit")
    return value


def emits(text: str) -> int:
    value = _digits(text)
    if value is None:
        raise ValueError(f"{text!r}: a replay is a whole number of emits")
    return value


def times(text: str) -> float:
    """How often; a float, because that is what `inf` is."""
    if text.lower() in ("inf", "infinity"):
        return float("inf")
    value = _digits(text)
    if not value:
        raise ValueError(f"{text!r}: a count is a whole number from 1, or inf")
    return float(value)


def delay(text: str) -> float:
    value = seconds(text)
    if not 0 <= value <= 9e9:
        raise ValueError(f"{text!r}: a delay is a number of seconds, 0 to 9e9")
    return value


def jobs(text: str) -> int:
    value = _digits(text)
    if value is None or value > 10_000:
        raise ValueError(f"{text!r}: jobs are a whole number to 10000; 0 is one for each processor")
    return value


def patience(text: str) -> float:
    value = seconds(text)
    if value <= 0:
        raise ValueError(f"{text!r}: a command needs some time: give seconds above 0, or inf")
    return value


def interval(text: str) -> float:
    value = seconds(text)
    if not 0.05 <= value <= 86400:
        raise ValueError(f"{text!r}: an interval is a number of seconds, 0.05 to 86400")
    return value
