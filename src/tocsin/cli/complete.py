"""`tocsin complete -- PROGRAM WORD...`: how the last word could go on. One to a line, a tab and what it is behind it.

`:files`, `:directories` and `:commands` ask the shell for what it knows better. Looks at files' heads, makes nothing,
and says nothing when something is wrong: a person is in the middle of typing.
"""

from __future__ import annotations

import os

from tocsin._errors import TocsinError
from tocsin._place import door, encode_name, is_far, peek, place_dir
from tocsin.cli._exit import OK, say
from tocsin.cli._verbs import AT, BY_NAME, MODE, VERBS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from tocsin.cli._verbs import Option, Verb

_EVENT, _SIGNAL, _DATA, _QUEUE, _BUS = 1, 2, 3, 4, 6
_KINDS = {_EVENT: "event", _SIGNAL: "signal", _DATA: "data", _QUEUE: "queue", 5: "lock", _BUS: "bus"}
#: What a verb's names are names of; the others take every kind.
_OF_VERB = {
    "set": (_EVENT,), "clear": (_EVENT,), "run": (_EVENT,), "signal": (_SIGNAL, _DATA), "listen": (_SIGNAL, _DATA),
    "put": (_QUEUE,), "get": (_QUEUE,), "receive": (_QUEUE,), "work": (_QUEUE,), "peek": (_QUEUE, _DATA),
    "emit": (_BUS,), "on": (_BUS,),
}  # fmt: skip
#: Verbs of which more than the first word is a name.
_MANY = ("set", "clear", "wait", "signal", "status", "ls", "stat", "top", "rm", "check")
_OTHER_WORDS = {"help": [verb.name for verb in VERBS if not verb.hidden], "completion": ["bash", "zsh", "fish"]}
#: A place may hold 100,000 objects, and a person reads a screenful.
_MOST = 1000


def run(verb: str, words: list[str], options: dict[str, Any]) -> int:
    del verb, options
    program, *typed = words
    typed = [word for word in typed if word != "="] + ([""] if typed[-1:] == ["="] else [])  # bash takes --at=x apart
    try:
        for line in _complete(program, typed or [""]):
            say(line)
    except (OSError, ValueError, TocsinError):
        pass
    return OK


def _complete(program: str, typed: list[str]) -> Iterator[str]:
    *before, now = typed
    if program.startswith("evt_"):
        verb, options = BY_NAME.get(program[4:]), [AT, MODE]
    elif not before:
        yield from _words([(verb.name, verb.text.partition(". ")[0]) for verb in VERBS if not verb.hidden], now)
        yield from _words([("--help", "what there is"), ("--version", "the version")] if now else [], now)
        return
    else:
        verb = BY_NAME.get(before.pop(0))
        options = list(verb.options) if verb else []
    if verb is not None:
        yield from _for_verb(verb, options, before, now)


def _for_verb(  # noqa: C901, PLR0912 - a look at each word, then a table in words
    verb: Verb, options: list[Option], before: list[str], now: str
) -> Iterator[str]:
    flags = {flag: option for option in options for flag in option.flags}
    given: dict[str, str] = {}
    words = 0
    rest = iter(before)
    for word in rest:
        if word == "--" or (verb.native and word[:1] != "-"):
            yield ":files" if word != "--" or list(rest) else ":commands"
            return
        option = flags.get(word.partition("=")[0])
        if option is None:
            words += word[:1] != "-"
            continue
        value = word.partition("=")[2]
        if option.read and "=" not in word:
            following = next(rest, None)
            if following is None:
                yield from _values(verb, option, given.get("at"), now)
                return
            value = following
        given[option.key] = value
    flag, equals, value = now.partition("=")
    if equals and flag in flags:
        for line in _values(verb, flags[flag], given.get("at"), value):
            yield line if line.startswith(":") else f"{flag}={line}"
    elif now.startswith("-"):
        rows = [(flag, option.help) for flag, option in flags.items()]
        yield from _words([*rows, ("--help", "all about this verb")], now)
    elif verb.name in _OTHER_WORDS:
        yield from _words([(word, "") for word in _OTHER_WORDS[verb.name]], now) if not words else ()
    elif verb.name == "demo" or "watch" in given:
        yield ":directories"
    elif verb.native:
        yield ":commands"
    elif now.startswith(("/", "./")):
        yield ":files"
    elif verb.most != 0 and (not words or verb.name in _MANY):
        yield from _names(None if {"any", "all"} & set(given) else _of(verb), given.get("at"), now)


def _of(verb: Verb) -> tuple[int, ...] | None:
    return (_EVENT,) if verb.name == "wait" else _OF_VERB.get(verb.name)


def _values(verb: Verb, option: Option, at: str | None, now: str) -> Iterator[str]:
    if option.metavar == "PLACE":
        yield from _words([("user", "this host, this user"), ("system", "this host, every user")], now)
        yield ":directories"
    elif option.metavar == "E":
        yield from _names(_of(verb), at, now)


def _words(rows: list[tuple[str, str]], now: str) -> Iterator[str]:
    for word, text in rows:
        if word.startswith(now):
            yield f"{word}\t{text}"


def _names(kinds: tuple[int, ...] | None, at: str | None, now: str) -> Iterator[str]:
    if is_far("x", at):
        yield from _names_there(kinds, at, now)
        return
    top, prefix = place_dir(at)
    found = 0
    for name, path in _files(top, prefix, now):
        try:
            encode_name(name)
            head = peek(path)
        except (OSError, ValueError, TocsinError):
            continue  # a stranger's
        if (kinds is None or head["kind"] in kinds) and not head["removed"]:
            yield f"{name}\t{_KINDS.get(head['kind'], 'object')}"
            found += 1
            if found == _MOST:
                return


def _names_there(kinds: tuple[int, ...] | None, at: str | None, now: str) -> Iterator[str]:
    from itertools import islice

    there = door(at)
    for name in sorted(islice(there.names(at, now), _MOST)):
        try:
            kind = there.look(name, at)["kind"]
        except (ValueError, TocsinError, FileNotFoundError):
            continue
        if kinds is None or kind in kinds:
            yield f"{name}\t{_KINDS.get(kind, 'object')}"


def _files(top: str, prefix: str, now: str) -> Iterator[tuple[str, str]]:
    folders = [""]
    while folders:
        folder = folders.pop(0)
        try:
            entries = sorted(os.scandir(os.path.join(top, folder)), key=lambda entry: entry.name)
        except OSError:
            continue
        for entry in entries:
            if entry.name.startswith(".") or not entry.name.startswith(prefix):
                continue
            name = folder + (entry.name.removeprefix(prefix).replace("!", "/") if prefix else entry.name)
            if entry.is_dir(follow_symlinks=False):
                if not prefix and (name + "/").startswith(now[: len(name) + 1]):
                    folders.append(name + "/")
            elif name.startswith(now) and entry.is_file(follow_symlinks=False):
                yield name, entry.path
