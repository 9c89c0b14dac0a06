"""Reads a command line that is plainly right. Anything else, `--help` too, is click's."""

from __future__ import annotations

from tocsin.cli._verbs import BY_NAME

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from tocsin.cli._verbs import Option, Verb

    Call = tuple[Verb, list[str], dict[str, Any]]


def empty(verb: Verb) -> dict[str, Any]:
    return {option.key: None if option.read else False for option in verb.options}


def read(argv: list[str]) -> Call | None:
    verb = BY_NAME.get(argv[0]) if argv else None
    if verb is None:
        return None
    if verb.native:
        return verb, argv[1:], {}
    options = {flag: option for option in verb.options for flag in option.flags}
    values = empty(verb)
    words: list[str] = []
    rest = iter(argv[1:])
    for word in rest:
        if word == "--":
            words += rest
        elif word[:1] != "-" or word == "-":
            words.append(word)
        elif not _option(word, rest, options, values):
            return None
    if len(words) < verb.least or (verb.most is not None and len(words) > verb.most):
        return None
    return verb, words, values


def _option(word: str, rest: Iterator[str], options: dict[str, Option], values: dict[str, Any]) -> bool:
    flag, equals, value = word.partition("=")
    option = options.get(flag)
    if option is None:
        return False
    if option.read is None:
        values[option.key] = True
        return not equals
    if not equals:
        following = next(rest, None)
        if following is None:
            return False
        value = following
    try:
        values[option.key] = option.read(value)
    except ValueError:
        return False  # click reads it once more, and says what is wrong
    return True
