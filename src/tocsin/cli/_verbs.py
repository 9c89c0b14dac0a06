"""Every verb of `tocsin`, described once: calls are read, helped with, completed and documented from this table.

Plain classes, and no library for command lines: importing one takes three times as long as starting Python does.

Examples are a shell script: each of a verb's lines works as it is printed, in the order of the lines, in an empty
directory and place. What they say about themselves stands behind `#`; "exit 1" in there is the code that is expected in
place of 0. tests/cli/test_cli_examples.py runs them all.
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
        help: str,  # noqa: A002 - what it is called everywhere
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
        hidden: bool = False,
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
        self.hidden = hidden  # for our own use: in no list
        self.native = native  # the program `tocsin` does it, and reads its own call; the row is for help and completion


AT = Option(
    ("--at",), "the place: user, system, a directory, or redis://HOST (else $TOCSIN_AT, else user)", "PLACE", str
)
JSON = Option(("--json",), "one JSON document in place of text")
MODE = Option(("--mode",), "who may use it, as in chmod (0600): fixed when it is made", "OCTAL", _read.mode)
NO_CREATE = Option(("--no-create",), "fail when there is none, in place of making it")
EACH_TIMEOUT = Option(
    ("--timeout",),
    "seconds to wait for each; 0 and less look once, inf (the default) waits for ever",
    "S",
    _read.seconds,
)
RATE = Option(("--rate",), "look twice, S seconds apart, and tell changes a second", "S", _read.interval)
COUNT = Option(("--count",), "how many; inf goes on for ever", "N", _read.times)
RAW = Option(("--raw",), "print text without quotes")
TIMEOUT = Option(("--timeout",), "seconds; 0 and less look once, inf (the default) waits for ever", "S", _read.seconds)

VERBS = (
    Verb(
        "set",
        "tocsin set ready            # wake everyone who waits for it, now and later",
        "Set events. One that is missing is made.",
        AT, MODE, NO_CREATE, JSON, module="flag",
    ),
    Verb(
        "clear",
        "tocsin clear ready          # who waits from now on waits for the next set",
        "Clear events. One that is missing is made.",
        AT, MODE, NO_CREATE, JSON, module="flag",
    ),
    Verb(
        "wait",
        "tocsin wait ready && echo go &          # until somebody says: tocsin set ready\n"
        "tocsin set ready\ntocsin wait ready --timeout 2.5\n"
        "tocsin wait --any stop ready            # prints who is ready",
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
        "tocsin signal tick          # wake everyone who listens\ntocsin signal weather --data '{\"wind\": 7}'",
        "Signal to everyone who listens, with --data a value that they get. One that is missing is made.",
        Option(("--data",), "the value, as JSON; - reads it from standard input", "JSON", str),
        Option(("--if-version",), "only if the present value has version N; exit 1: it has another", "N", _read.count),
        AT, MODE, NO_CREATE, JSON, module="send",
    ),
    Verb(
        "listen",
        "tocsin signal weather --data '{\"wind\": 7}'\n"
        "tocsin listen weather --count 1                 # the value that is there, or the next\n"
        "tocsin listen tick --timeout 0.5 | while read n; do echo $n; done",
        "Print a line for each signal (how many came since the last line) or new value. It is made if it is missing.",
        Option(("--count",), "end after N lines; inf, the default, goes on for ever", "N", _read.times),
        Option(("--replay",), "a signal that came before counts; a value always does"),
        Option(("--no-replay",), "a value that was there before doesn't count"),
        Option(("--data",), "make a data event if it is missing, in place of a signal"),
        EACH_TIMEOUT, RAW, AT, MODE, NO_CREATE, JSON, most=1,
    ),
    Verb(
        "put",
        "tocsin put jobs '{\"id\": 1}' '{\"id\": 2}'\nseq 10 | tocsin put jobs         # each line is an item",
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
        "seq 10 | tocsin put jobs\ntocsin get jobs\n"
        "tocsin get jobs --count inf --timeout 0     # all that is there, then exit 1: no more came",
        "Take an item from a queue and print it. Exit 1: none came in time. It is made if it is missing.",
        COUNT, EACH_TIMEOUT, RAW, AT, MODE, NO_CREATE, JSON, module="take", most=1,
    ),
    Verb(
        "receive",
        "seq 10 | tocsin put jobs\ntocsin receive jobs -- cat           # the item is on standard input\n"
        "tocsin receive jobs --count 9 -- sh -c 'read n; echo $((n * n))'",
        "Run CMD on an item of a queue: exit 0 removes it, any other end gives it back. Without CMD: as get.",
        COUNT, EACH_TIMEOUT,
        Option(("--delay",), "seconds until what was given back may be taken again", "S", _read.delay),
        RAW, AT, MODE, NO_CREATE, JSON, module="take", metavar="NAME [-- CMD]", interrupts=True,
    ),
    Verb(
        "work",
        "seq 10 | tocsin put jobs\ntocsin work jobs --until-empty -- cat        # each item on standard input\n"
        "seq 10 | tocsin put jobs\ntocsin work jobs -j 4 --until-empty -- echo item {}",
        "Run CMD for each item of a queue, N at once: exit 0 removes the item, any other end gives it back.",
        Option(("--jobs", "-j"), "how many at once (1); 0: one for each processor", "N", _read.jobs),
        Option(("--timeout",), "seconds that CMD may take for an item; inf is the default", "S", _read.patience),
        Option(("--grace",), "seconds between SIGTERM and SIGKILL (5)", "S", _read.delay),
        Option(("--retry-delay",), "seconds until what was given back may be taken again", "S", _read.delay),
        Option(("--until-empty",), "end when nothing is left to take"),
        Option(("--no-bar",), "no progress on a terminal"),
        AT, MODE, NO_CREATE, metavar="NAME -- CMD",
    ),
    Verb(
        "emit",
        "tocsin emit site build.done '\"v1.2\"' 37\n"
        "seq 10 | tocsin emit site file.new -        # an event for each line",
        "Emit an event with JSON arguments (-: one for each line of standard input) on a bus. Made if it is missing.",
        Option(("--kwargs",), "arguments by name, as one JSON object", "JSON", str),
        Option(("--wait",), "seconds to wait for who would miss it (0); exit 1: one still would", "S", _read.seconds),
        Option(("--max-bytes",), "bytes of emits that are kept; fixed when it is made", "N", _read.size),
        AT, MODE, NO_CREATE, JSON, metavar="BUS NAME [JSON]", least=2,
    ),
    Verb(
        "on",
        "tocsin emit site build.done 37\ntocsin on site 'build.*' --replay 1 --once\n"
        "tocsin on site build.done --replay 1 --once -- cat      # the event is on standard input",
        "Print a line of JSON, or run CMD, for each emit on a bus that PATTERN matches. Made if it is missing.",
        Option(("--count", "-n"), "end after N; inf, the default, goes on for ever", "N", _read.times),
        Option(("--once",), "end after one"),
        Option(("--replay",), "begin with the last N emits, as far as they are kept", "N", _read.emits),
        EACH_TIMEOUT, AT, MODE, NO_CREATE, JSON,
        metavar="BUS PATTERN [-- CMD]", least=2, interrupts=True,
    ),
    Verb(
        "run",
        "tocsin run --after a --after b -- echo both &   # starts when both are set\n"
        "tocsin run --sets a -- true\ntocsin run --sets b -- true",
        "Run COMMAND when events are set, and set one when it is done. Who waits for that is told if it fails or dies.",
        Option(("--after",), "start when E is set; may be repeated", "E", str),
        Option(("--sets",), "own E, and set it on exit 0", "E", str),
        Option(("--sets-always",), "own E, and set it on any end", "E", str),
        Option(("--timeout",), "seconds to wait for all --after; inf, the default, waits for ever", "S", _read.seconds),
        AT, MODE, metavar="-- COMMAND", native=True,
    ),
    Verb(
        "peek",
        "tocsin put jobs 1\ntocsin peek jobs            # the next item stays where it is",
        "Print the next item of a queue, or the value of a data event. Exit 1: there is none. Makes nothing.",
        RAW, AT, JSON, most=1,
    ),
    Verb(
        "status",
        "tocsin status ready         # is it set? exit 1: it is not\ntocsin set ready\ntocsin status ready",
        "Say whether events are set, signals were sent, values and items are there. Exit 1: one is not. Makes nothing.",
        AT, JSON,
    ),
    Verb(
        "ls",
        "tocsin set job/1\ntocsin ls\ntocsin ls 'job/*' --rate 1      # and changes a second\ntocsin ls ./ --json",
        "List the objects of places: state, who has them open and waits; also what is damaged or a stranger's. "
        "Makes nothing.",
        RATE, AT, JSON, metavar="PLACE|PATTERN", least=0,
    ),
    Verb(
        "stat",
        "tocsin put jobs 1\ntocsin stat jobs\ntocsin stat jobs --rate 1",
        "Tell everything about objects: who has them open, who waits, who holds what. Makes nothing.",
        RATE, AT, JSON,
    ),
    Verb(
        "top",
        "tocsin top --once\ntocsin top ./ --interval 0.5 -n 2   # without --once and -n: live, on a terminal",
        "Show the objects of a place with their rates, live. Keys: q, sort by r n d w, p, arrows. Makes nothing.",
        Option(("--interval",), "seconds between two looks (1)", "S", _read.interval),
        Option(("--count", "-n"), "print N screens, one after the other: for pipes and logs", "N", _read.times),
        Option(("--once",), "as -n 1"),
        AT, metavar="PLACE|PATTERN", least=0,
    ),
    Verb(
        "rm",
        "tocsin set ready\n"
        "tocsin rm ready             # who waits for it is told that it was removed",
        "Remove objects, and what earlier ones of the same name left behind.",
        Option(("--force", "-f"), "none there is fine; and remove a damaged file too"),
        AT, JSON,
    ),
    Verb(
        "check",
        "tocsin check                    # everything in the place, and the place itself\n"
        "tocsin put jobs 1\ntocsin check jobs --repair",
        "Say whether objects are sound, and what to do about those that are not. Exit 1: one is not. Makes nothing.",
        Option(("--all",), "every object of the place; so it is without names"),
        Option(("--repair",), "put right what can be, without losing anything that was accepted"),
        AT, JSON, least=0,
    ),
    Verb(
        "doctor",
        "tocsin doctor\ntocsin doctor --at ./         # a place in this directory",
        "Try what tocsin builds on, on this machine, in this place. Exit 0: fit, if perhaps with warnings; 3: unfit.",
        AT, JSON, least=0, most=0, interrupts=True,
    ),
    Verb(
        "demo",
        "tocsin demo --quick         # on the standard library's source; give a directory of your own",
        "Run a pipeline of four kinds of process over a tree of files, with events and with polling.",
        Option(("--quick",), "200 files are enough"),
        JSON, metavar="DIR", least=0, most=1, interrupts=True,
    ),
    Verb(
        "help",
        "tocsin help\ntocsin help wait            # the same as: tocsin wait --help",
        "Say what there is, or all about a verb.",
        metavar="VERB", least=0, most=1,
    ),
    Verb(
        "completion",
        'eval "$(tocsin completion bash)"       # and so in ~/.bashrc\n'
        "tocsin completion zsh > _tocsin         # in a directory of $fpath\n"
        "tocsin completion fish > tocsin.fish    # in ~/.config/fish/completions",
        "Print what makes a shell complete verbs, options, and the names of objects that are there.",
        metavar="SHELL", least=1, most=1,
    ),
    Verb(
        "complete",
        "tocsin complete -- tocsin wait --ti     # --timeout, and what it is about",
        "Print how the last word could go on, for the scripts of `tocsin completion`. Makes nothing.",
        metavar="-- WORD", least=1, hidden=True,
    ),
)  # fmt: skip

BY_NAME = {verb.name: verb for verb in VERBS}

#: By what one wants to do; `tocsin --help` and the manual page are in this order.
GROUPS = (
    ("Say that something is so, and wait for it", ("set", "clear", "wait", "status")),
    ("Say that something has happened, or what is new", ("signal", "listen", "emit", "on")),
    ("Hand over work", ("put", "get", "receive", "work", "peek")),
    ("Run commands when others are done", ("run",)),
    ("Look, and change nothing", ("ls", "stat", "top", "doctor")),
    ("Keep in order", ("check", "rm")),
    ("Get to know it", ("demo", "help", "completion")),
)
