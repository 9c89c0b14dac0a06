"""What events are called, and patterns over names.

A name is parts with dots between them: ``job.done``. In a pattern ``*`` stands for one part and ``**`` for any number
of them, none included: ``job.*`` matches ``job.done``, ``job.**`` also ``job`` and ``job.7.done``.
"""

from __future__ import annotations


def check_name(name: object) -> str:
    """The name of one event. TypeError, ValueError: it is none."""
    parts = _parts(name, "name")
    if any("*" in part for part in parts):
        raise ValueError(f"bad event name {name!r}: a pattern can be listened to, and nothing be emitted by it")
    assert isinstance(name, str)
    return name


def is_name(name: str) -> bool:
    try:
        check_name(name)
    except ValueError:
        return False
    return True


def check_pattern(pattern: object) -> bool:
    """Is it a pattern (True), or the name of one event? TypeError, ValueError: it is neither."""
    parts = _parts(pattern, "pattern")
    for part in parts:
        if "*" in part and part not in ("*", "**"):
            raise ValueError(f"bad pattern {pattern!r}: '*' and '**' stand for whole parts, as in 'job.*'")
    return "*" in parts or "**" in parts


def _parts(text: object, what: str) -> list[str]:
    if not isinstance(text, str):
        raise TypeError(f"the {what} of an event is text, not {type(text).__name__}: {text!r}")
    parts = text.split(".")
    if not all(parts):
        raise ValueError(f"bad event {what} {text!r}: give parts with dots between them, none of them empty")
    return parts


def matches(pattern: str, name: str) -> bool:
    """Does the pattern, which was checked, match the name?"""
    parts = name.split(".")
    # By rows, as one compares with wildcards: `reached` are the counts of parts that the pattern so far can stand for.
    reached = {0}
    for piece in pattern.split("."):
        if piece == "**":
            reached = set(range(min(reached), len(parts) + 1))
        else:
            reached = {at + 1 for at in reached if at < len(parts) and piece in ("*", parts[at])}
        if not reached:
            return False
    return len(parts) in reached
