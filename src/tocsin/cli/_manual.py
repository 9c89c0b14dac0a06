"""The manual page, from the same tables as --help: python -m tocsin.cli._manual > docs/tocsin.1

A test holds the page that is kept in the repository to what this says.
"""

from __future__ import annotations

from tocsin.cli import _codes
from tocsin.cli._pages import EXAMPLES, groups, spelt, synopsis

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from tocsin.cli._verbs import Verb

_NATIVE = (
    ("evt_set [--at PLACE] [--mode OCTAL] NAME", "Set the event, and make it if there is none."),
    ("evt_clear [--at PLACE] [--mode OCTAL] NAME", "Clear the event, and make it if there is none."),
    (
        "evt_wait [--at PLACE] [--mode OCTAL] NAME [TIMEOUT_S]",
        "Wait until it is set, at most TIMEOUT_S seconds; 0 looks once.",
    ),
)
_ENVIRONMENT = (
    (
        "TOCSIN_AT",
        "The place of all objects for which --at says none: user, system, a directory, redis://HOST or unix:///PATH.",
    ),
    ("NO_COLOR, TERM=dumb", "No colours, and no live screens."),
    ("TOCSIN_ATTEMPT, TOCSIN_SEQUENCE", "Set for the commands of receive and work: which delivery, and of which item."),
)
_SIGNALS = (
    "A command that is ended by Ctrl-C ends by SIGINT, so that a shell's loop around it ends too. One whose reader has "
    "left ends by SIGPIPE, without a word. What its caller ignores (nohup) stays ignored."
)


def manual() -> str:
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield '.\\" Made by python -m tocsin.cli._manual'
    yield ".TH TOCSIN 1 2026-11-21 tocsin"
    yield from (
        ".SH NAME",
        "tocsin, evt_set, evt_clear, evt_wait \\- wait without polling, for whatever other processes do",
    )
    yield ".SH SYNOPSIS"
    yield from _block(["tocsin VERB [OPTION]... [WORD]...", *(call for call, _ in _NATIVE)])
    yield from (".SH EXAMPLES", *_block(EXAMPLES.splitlines()))
    yield ".SH DESCRIPTION"
    yield _text(
        "Events, signals, values, queues, locks and buses have names, and belong to every process that says the name. "
        "Who waits for one sleeps, and costs nothing meanwhile. An object is made by who needs it first; verbs that "
        "look make nothing. Options may stand before and after the words; behind -- nothing is an option."
    )
    for call, about in _NATIVE:
        yield from (".TP", f".B {_text(call)}", _text(about))
    for title, verbs in groups():
        yield from (".SH " + _text(title.upper()),)
        for verb in verbs:
            yield from _verb(verb)
    yield ".SH EXIT STATUS"
    for code, meaning in sorted(_codes.MEANINGS.items()):
        yield from (".TP", f".B {code}", _text(meaning[0].upper() + meaning[1:] + "."))
    yield ".SH ENVIRONMENT"
    for name, about in _ENVIRONMENT:
        yield from (".TP", f".B {_text(name)}", _text(about))
    yield from (".SH SIGNALS", _text(_SIGNALS))


def _verb(verb: Verb) -> Iterator[str]:
    yield f".SS {_text(synopsis(verb))}"
    yield from (_text(verb.text), ".PP")
    yield from _block(verb.examples.splitlines())
    for option in verb.options:
        yield from (".TP", f".B {_text(spelt(option))}", _text(option.help[0].upper() + option.help[1:] + "."))
    yield ".PP"
    codes = "; ".join(f"{code} {text}" for code, text in _codes.of(verb.name).items())
    yield _text(f"Exit: {codes}.")


def _block(lines: list[str]) -> Iterator[str]:
    yield from (".nf", ".RS 4", *(_text(line) for line in lines), ".RE", ".fi")


def _text(line: str) -> str:
    line = line.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq").replace("`", "\\(ga")
    line = line.replace("^", "\\(ha").replace("~", "\\(ti").replace('"', "\\(dq")
    return "\\&" + line if line.startswith(".") else line


if __name__ == "__main__":
    import sys

    sys.stdout.write(manual())
