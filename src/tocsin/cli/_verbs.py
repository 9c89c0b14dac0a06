"""Every verb of `tocsin`, described once: the quick reader and click both work from this table.

Plain classes and no click in here: importing click takes three times as long as starting Python does, and
most calls don't need it.
"""

from __future__ import annotations

from tocsin.cli import _read

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


class Option:
    """`--name VALUE`, or `--name` alone when there is no `read`."""

    def __init__(
        self,
        flags: tuple[str, ...],
        help: str,  # noqa: A002 - click's name for it
        metavar: str = "",
        read: Callable[[str], Any] | None = None,
    ) -> None:
        self.flags = flags
        self.help = help
        self.metavar = metavar
        self.read = read

    @property
    def key(self) -> str:
        return self.flags[0].lstrip("-").replace("-", "_")


class Verb:
    """`least` to `most` arguments (None: any number) named `metavar`; done by the module's function `run`."""

    def __init__(  # noqa: PLR0913 - a row of the table below
        self,
        name: str,
        examples: str,
        text: str,
        *options: Option,
        module: str = "",
        metavar: str = "NAME",
        least: int = 1,
        most: int | None = None,
        interrupts: bool = False,
    ) -> None:
        self.name = name
        self.examples = examples
        self.text = text
        self.options = options
        self.module = "tocsin.cli." + (module or name)
        self.metavar = metavar
        self.least = least
        self.most = most
        self.interrupts = interrupts  # it starts children: it tidies up on Ctrl-C, and ends as Python ends


AT = Option(("--at",), "the place: user, system, or a directory (else $TOCSIN_AT, else user)", "PLACE", str)
JSON = Option(("--json",), "one JSON document in place of text")
MODE = Option(("--mode",), "who may use it, as in chmod (0600): fixed when it is made", "OCTAL", _read.mode)
NO_CREATE = Option(("--no-create",), "fail when there is none, in place of making it")
TIMEOUT = Option(("--timeout",), "seconds; 0 and less look once, inf (the default) waits for ever", "S", _read.seconds)

VERBS = (
    Verb(
        "set",
        "tocsin set ready            wake everyone who waits for it, now and later",
        "Set events. One that is missing is made.",
        AT, MODE, NO_CREATE, JSON, module="flag",
    ),
    Verb(
        "clear",
        "tocsin clear ready          who waits from now on waits for the next set",
        "Clear events. One that is missing is made.",
        AT, MODE, NO_CREATE, JSON, module="flag",
    ),
    Verb(
        "wait",
        "tocsin wait ready && echo go\ntocsin wait ready --timeout 2.5",
        "Wait until an event is set, or was set and cleared since. It is made if it is missing. Exit 1: timed out.",
        TIMEOUT,
        Option(("--clear",), "wait until it is clear"),
        Option(("--since",), "wait for a set after generation N", "N", _read.count),
        AT, MODE, NO_CREATE, JSON, most=1,
    ),
    Verb(
        "status",
        "tocsin status ready         is it set? says so, and exits 0 or 1",
        "Say whether events are set. Exit 0: all are; 1: one is not, or not there. Makes nothing.",
        AT, JSON,
    ),
    Verb(
        "ls",
        "tocsin ls\ntocsin ls 'job/*' --json",
        "List the objects of a place, also what is damaged or a stranger's. Makes nothing.",
        AT, JSON, metavar="PATTERN", least=0, most=1,
    ),
    Verb(
        "stat",
        "tocsin stat ready",
        "Tell everything about events. Makes nothing.",
        AT, JSON,
    ),
    Verb(
        "rm",
        "tocsin rm ready             who waits for it is told that it was removed",
        "Remove events, and what earlier ones of the same name left behind.",
        Option(("--force", "-f"), "none there is fine; and remove a damaged file too"),
        AT, JSON,
    ),
    Verb(
        "doctor",
        "tocsin doctor\ntocsin doctor --at /srv/jobs/run",
        "Try what tocsin builds on, on this machine, in this place. Exit 0: fit, if perhaps with warnings; 3: unfit.",
        AT, JSON, least=0, most=0, interrupts=True,
    ),
    Verb(
        "demo",
        "tocsin demo                 on the standard library's source\ntocsin demo ~/src",
        "Run a pipeline of four kinds of process over a tree of files, with events and with polling.",
        Option(("--quick",), "200 files are enough"),
        JSON, metavar="DIR", least=0, most=1, interrupts=True,
    ),
)  # fmt: skip

BY_NAME = {verb.name: verb for verb in VERBS}
