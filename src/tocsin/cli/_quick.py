"""Reads a call by the table of verbs, and says what is wrong with it. Nothing else is loaded for that.

Options may stand before and after the words, `--name VALUE` or `--name=VALUE`, a short one also `-nVALUE`; after
`--` there are only words.
"""

from __future__ import annotations

from tocsin.cli._exit import Usage
from tocsin.cli._verbs import BY_NAME

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    from tocsin.cli._verbs import Option, Verb

    Call = tuple[Verb, list[str], dict[str, Any]]


def empty(verb: Verb) -> dict[str, Any]:
    return {option.key: None if option.read else False for option in verb.options}


def read(argv: list[str]) -> Call:  # noqa: C901 - a look at each word
    """The call that `argv` asks for; Usage when it is none. `--help` is the verb `help`."""
    if not argv:
        raise Usage("which verb? it is missing")
    name = argv[0]
    if name in ("--help", "-h"):
        return BY_NAME["help"], [], {}
    verb = BY_NAME.get(name)
    if verb is None:
        what = "option" if name.startswith("-") else "verb"
        raise Usage(f"there is no {what} {name!r}{nearest(name, BY_NAME)}")
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
        elif word == "--help" or (word == "-h" and "-h" not in options):
            return BY_NAME["help"], [name], {}
        else:
            _option(verb, word, rest, options, values)
    if len(words) < verb.least:
        raise Usage(f"{verb.metavar.split()[len(words)]} is missing", name)
    if verb.most is not None and len(words) > verb.most:
        raise Usage(f"{words[verb.most]!r} is an argument too many", name)
    return verb, words, values


def _option(verb: Verb, word: str, rest: Iterator[str], options: dict[str, Option], values: dict[str, Any]) -> None:
    flag, equals, value = word.partition("=")
    if word[1:2] != "-" and word[:2] in options and len(word) > 2:
        flag, equals, value = word[:2], "=", word[2:].removeprefix("=")
    option = options.get(flag)
    if option is None:
        raise Usage(f"there is no option {flag}{nearest(flag, options)}", verb.name)
    if option.read is None:
        if equals:
            raise Usage(f"{flag} takes no value", verb.name)
        values[option.key] = True
        return
    if not equals:
        following = next(rest, None)
        if following is None:
            raise Usage(f"{flag} needs a value, {option.metavar}", verb.name)
        value = following
    try:
        values[option.key] = option.read(value)
    except ValueError as error:
        raise Usage(f"{flag}: {error}", verb.name) from None


def nearest(word: str, known: Iterable[str]) -> str:
    """`; did you mean 'status'?`, or nothing when nothing is near."""
    if len(word) > 1 and (begun := [each for each in known if each.startswith(word)]):
        return f"; did you mean {min(begun)!r}?"
    distance, found = min((_distance(word, each), each) for each in known)
    return f"; did you mean {found!r}?" if distance <= max(1, len(word) // 3) else ""


def _distance(a: str, b: str) -> int:
    """Letters to insert, remove, replace, or swap with the next, at least."""
    before: list[int] = []
    row = list(range(len(b) + 1))
    for i, letter in enumerate(a[:40], 1):
        earlier, before, row = before, row, [i]
        for j, other in enumerate(b, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != other))
            if i > 1 and j > 1 and letter == b[j - 2] and a[i - 2] == other:
                cost = min(cost, earlier[j - 2] + 1)
            row.append(cost)
    return row[-1]
