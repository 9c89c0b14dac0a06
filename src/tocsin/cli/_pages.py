"""The texts of --help, from the table of verbs. What the manual page says is made of the same parts (_manual.py)."""

from __future__ import annotations

from tocsin.cli import _codes
from tocsin.cli._exit import Usage
from tocsin.cli._quick import nearest
from tocsin.cli._verbs import BY_NAME, GROUPS, VERBS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from tocsin.cli._verbs import Option, Verb

_WIDTH = 100

#: Of `tocsin` itself: what a person would type first, and can.
EXAMPLES = (
    "evt_wait ready && echo go &       # in one shell, or in ten\n"
    "evt_set ready                     # in another: all of them go on\n"
    "tocsin help wait                  # examples first"
)
HELP = "this text"


def verb_named(name: str) -> Verb:
    verb = BY_NAME.get(name)
    if verb is None:
        raise Usage(f"there is no verb {name!r}{nearest(name, BY_NAME)}", "help")
    return verb


def groups() -> list[tuple[str, list[Verb]]]:
    """The verbs, by what one wants to do. What is in no group yet comes last, so that it is not overlooked."""
    named = {name for _, names in GROUPS for name in names}
    rest = tuple(verb.name for verb in VERBS if verb.name not in named and not verb.hidden)
    every = (*GROUPS, ("Else", rest)) if rest else GROUPS
    return [(title, [BY_NAME[name] for name in names if name in BY_NAME]) for title, names in every]


def overview() -> str:
    lines = [*_indented(EXAMPLES), "", "usage: tocsin VERB [OPTION]... [WORD]...", ""]
    for title, verbs in groups():
        lines.append(f"{title}:")
        for verb in verbs:
            lines += _row(verb.name, verb.text.partition(". ")[0].rstrip(".") + ".", 10)
        lines.append("")
    lines += _filled(
        "`tocsin help VERB` and `tocsin VERB --help` tell the rest. An object is made by who needs it first."
    )
    common = [f"{code} {_codes.MEANINGS[code]}" for code in sorted(_codes.MEANINGS) if code < 5]
    lines += ["", *_filled("Exit: " + "; ".join(common) + ".")]
    return "\n".join(lines) + "\n"


def page(verb: Verb) -> str:
    lines = [*_indented(verb.examples), "", "usage: " + synopsis(verb), "", *_filled(verb.text), ""]
    rows = [(spelt(option), option.help) for option in verb.options] + [("--help", HELP)]
    width = min(20, max(len(name) for name, _ in rows))
    for name, text in rows:
        lines += _row(name, text, width)
    codes = [f"{code} {text}" for code, text in _codes.of(verb.name).items()]
    return "\n".join([*lines, "", *_filled("Exit: " + ", ".join(codes) + ".")]) + "\n"


def synopsis(verb: Verb) -> str:
    words = verb.metavar if verb.least else f"[{verb.metavar}]"
    if verb.most is None and "--" not in words:
        words += "..."
    return " ".join(
        ["tocsin", verb.name, *(["[OPTION]..."] if verb.options else []), *([] if verb.most == 0 else [words])]
    )


def spelt(option: Option) -> str:
    return ", ".join(sorted(option.flags, key=len)) + (f" {option.metavar}" if option.read else "")


def _indented(text: str) -> list[str]:
    return [f"  {line}" for line in text.splitlines()]


def _row(name: str, text: str, width: int) -> Iterator[str]:
    parts = _filled(text, _WIDTH - width - 4)
    if len(name) > width:
        yield f"  {name}"
        name = ""
    for part in parts:
        yield f"  {name:<{width}}  {part}"
        name = ""


def _filled(text: str, width: int = _WIDTH) -> list[str]:
    """Lines of `width` at most; `textwrap` would bring `re` along."""
    lines: list[str] = []
    line = ""
    for word in text.split():
        if line and len(line) + 1 + len(word) > width:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}" if line else word
    return [*lines, line]
