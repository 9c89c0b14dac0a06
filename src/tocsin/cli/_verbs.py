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
        native: bool = False,
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
        self.native = native  # the program `tocsin` does it, and reads its own call; the row is for help and completion


AT = Option(("--at",), "the place: user, system, or a directory (else $TOCSIN_AT, else user)", "PLACE", str)
JSON = Option(("--json",), "one JSON document in place of text")
MODE = Option(("--mode",), "who may use it, as in chmod (0600): fixed when it is made", "OCTAL", _read.mode)
NO_CREATE = Option(("--no-create",), "fail when there is none, in place of making it")
EACH_TIMEOUT = Option(
    ("--timeout",),
    "seconds to wait for each; 0 and less look once, inf (the default) waits for ever",
    "S",
    _read.seconds,
)
COUNT = Option(("--count",), "how many; inf goes on for ever", "N", _read.times)
RAW = Option(("--raw",), "print text without quotes")
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
        "tocsin wait ready && echo go\ntocsin wait ready --timeout 2.5\n"
        "tocsin wait --any stop jobs     prints who is ready",
        "Wait until an event is set, or was set and cleared since. It is made if it is missing. Exit 1: timed out.",
        TIMEOUT,
        Option(("--clear",), "wait until it is clear"),
        Option(("--since",), "wait for a set after generation N", "N", _read.count),
        Option(("--watch",), "NAME is a directory: wait until somebody makes it (--clear: until it is gone)"),
        Option(("--any",), "of several, of any kind: until one is ready; prints those that are"),
        Option(("--all",), "of several, of any kind: until all are ready at the same time"),
        AT, MODE, NO_CREATE, JSON,
    ),
    Verb(
        "signal",
        "tocsin signal tick          wake everyone who listens\ntocsin signal weather --data '{\"wind\": 7}'",
        "Signal to everyone who listens, with --data a value that they get. One that is missing is made.",
        Option(("--data",), "the value, as JSON; - reads it from standard input", "JSON", str),
        Option(("--if-version",), "only if the present value has version N; exit 1: it has another", "N", _read.count),
        AT, MODE, NO_CREATE, JSON, module="send",
    ),
    Verb(
        "listen",
        "tocsin listen tick | while read n; do make; done\ntocsin listen weather --count 1",
        "Print a line for each signal (how many came since the last line) or new value. It is made if it is missing.",
        Option(("--count",), "end after N lines; inf, the default, goes on for ever", "N", _read.times),
        Option(("--replay",), "a signal that came before counts; a value always does"),
        Option(("--no-replay",), "a value that was there before doesn't count"),
        Option(("--data",), "make a data event if it is missing, in place of a signal"),
        EACH_TIMEOUT, RAW, AT, MODE, NO_CREATE, JSON, most=1,
    ),
    Verb(
        "put",
        "tocsin put jobs '{\"id\": 1}' '{\"id\": 2}'\njq -c .[] jobs.json | tocsin put jobs",
        "Put JSON values, or each line of standard input, into a queue. Exit 1: it stayed full.",
        Option(("--timeout",), "seconds to wait for room; inf, the default, waits for ever", "S", _read.seconds),
        Option(("--raw",), "bytes as they are, in place of JSON"),
        Option(("--maxsize",), "items that may be in it; fixed when it is made, as the next three", "N", _read.size),
        Option(("--max-bytes",), "bytes of items that may be in it", "N", _read.size),
        Option(("--max-deliveries",), "deliveries of an item before it goes to NAME.dead (5)", "N", _read.size),
        Option(("--durable",), "survives a power cut (in a place on a disk)"),
        AT, MODE, NO_CREATE, JSON, metavar="NAME [JSON]",
    ),
    Verb(
        "get",
        "tocsin get jobs\ntocsin get jobs --count inf --timeout 0     all that is there",
        "Take an item from a queue and print it. Exit 1: none came in time. It is made if it is missing.",
        COUNT, EACH_TIMEOUT, RAW, AT, MODE, NO_CREATE, JSON, module="take", most=1,
    ),
    Verb(
        "receive",
        "tocsin receive jobs -- jq .id    the item is on standard input\ntocsin receive jobs --count inf -- ./work",
        "Run CMD on an item of a queue: exit 0 removes it, any other end gives it back. Without CMD: as get.",
        COUNT, EACH_TIMEOUT,
        Option(("--delay",), "seconds until what was given back may be taken again", "S", _read.delay),
        RAW, AT, MODE, NO_CREATE, JSON, module="take", metavar="NAME [-- CMD]", interrupts=True,
    ),
    Verb(
        "run",
        "tocsin run --sets a -- make a\ntocsin run --after a --after b -- make c     starts when both are set",
        "Run COMMAND when events are set, and set one when it is done. Who waits for that is told if it fails or dies.",
        Option(("--after",), "start when E is set; may be repeated", "E", str),
        Option(("--sets",), "own E, and set it on exit 0", "E", str),
        Option(("--sets-always",), "own E, and set it on any end", "E", str),
        Option(("--timeout",), "seconds to wait for all --after; inf, the default, waits for ever", "S", _read.seconds),
        AT, MODE, metavar="-- COMMAND", native=True,
    ),
    Verb(
        "peek",
        "tocsin peek jobs            the next item stays where it is",
        "Print the next item of a queue, or the value of a data event. Exit 1: there is none. Makes nothing.",
        RAW, AT, JSON, most=1,
    ),
    Verb(
        "status",
        "tocsin status ready         is it set? says so, and exits 0 or 1",
        "Say whether events are set, signals were sent, values and items are there. Exit 1: one is not. Makes nothing.",
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
        "Tell everything about objects. Makes nothing.",
        AT, JSON,
    ),
    Verb(
        "rm",
        "tocsin rm ready             who waits for it is told that it was removed",
        "Remove objects, and what earlier ones of the same name left behind.",
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
