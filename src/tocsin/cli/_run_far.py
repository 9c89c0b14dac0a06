"""`tocsin run` where events are on a server: what the program does on this host (core/programs/run.c).

With the same codes, in the same order: own E, look at all --after, wait, start the command, and set E by its end.
"""

from __future__ import annotations

import errno

from tocsin._errors import OwnerDied, TocsinError
from tocsin._place import shown
from tocsin.cli import _read
from tocsin.cli._codes import RUN_FAILED, RUN_OWNER_DIED, RUN_TIMED_OUT
from tocsin.cli._common import check
from tocsin.cli._exit import NO_COMMAND, NOT_RUNNABLE, USAGE, Failure, Usage, code_of, complain

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal
    from collections.abc import Callable
    from typing import Any

    from tocsin._event import Event
else:
    import _signal

_OPTIONS = ("--after", "--sets", "--sets-always", "--timeout", "--at", "--mode")
_PR_SET_PDEATHSIG = 1
#: What ends a command from a terminal goes to all of its group; what is sent to us alone is passed on.
_PASSED_ON = (_signal.SIGTERM, _signal.SIGHUP, _signal.SIGUSR1, _signal.SIGUSR2)


class Call:
    """The words of a call, whose grammar is the program's."""

    def __init__(self, verb: str, words: list[str]) -> None:
        self.after: list[str] = []
        self.sets: str | None = None
        self.always = False
        self.timeout: float | None = None
        self.at: str | None = None
        self.mode: int | None = None
        rest = list(words)
        while rest and rest[0].startswith("-"):
            flag, equals, value = rest.pop(0).partition("=")
            if flag == "--" and not equals:
                break
            if flag not in _OPTIONS:
                raise Usage(f"{flag}: there is no such option", verb)
            if not equals:
                if not rest:
                    raise Usage(f"{flag}: this option needs a value", verb)
                value = rest.pop(0)
            self._take(verb, flag, value)
        self.command = rest

    def _take(self, verb: str, flag: str, value: str) -> None:
        if flag == "--after":
            self.after.append(value)
        elif flag in ("--sets", "--sets-always"):
            if self.sets is not None:
                raise Usage(f"{value}: one event is set by the end of a command; this is a second one", verb)
            self.sets, self.always = value, flag == "--sets-always"
        elif flag == "--timeout":
            self.timeout = _read.seconds(value)
        elif flag == "--mode":
            self.mode = _read.mode(value)
        else:
            self.at = value


def run(verb: str, call: Call) -> int:
    if not call.command:
        raise Usage("which command? COMMAND is missing", verb)
    check([*call.after, *([] if call.sets is None else [call.sets])], call.at)
    if call.sets in call.after:
        raise Usage(f"{call.sets}: it would wait for its own end: --after and --sets are one event", verb)
    try:
        return _run(verb, call)
    except (TocsinError, OSError, RuntimeError) as error:
        complain(verb, error)
        return USAGE if code_of(error) == USAGE else RUN_FAILED


def _run(verb: str, call: Call) -> int:
    from tocsin._event import Event

    if call.sets is None:
        status = _work(verb, call, None)
    else:
        with Event(call.sets, at=call.at, mode=call.mode) as own:
            _own(own, " ".join(call.command))
            status = _work(verb, call, own)
    if status < 0:
        from tocsin.cli._asked import end_like

        return end_like(-status)
    return status


def _work(verb: str, call: Call, own: Event | None) -> int:
    """Wait, do it, and say so: the exit code, or minus the signal that ended the command."""
    code = _wait(verb, call)
    if code is not None:
        return code
    status = _command(verb, call.command)
    if own is not None and (status == 0 or call.always):
        try:
            own.set()
        except (TocsinError, OSError) as error:
            complain(verb, error)
            return status or RUN_FAILED
    return status


def _own(event: Event, command: str) -> None:
    """Set by an earlier run, it is cleared first. Whoever else is about to set it has it."""
    for _ in range(100):
        try:
            event.own(command=command)
        except RuntimeError:
            if not event.is_set():
                raise
            event.clear()
        else:
            return
    raise Failure(f"{event.name!r} at {event.at!r} is set again and again: choose another name")


def _wait(verb: str, call: Call) -> int | None:
    """None: all are set."""
    from time import monotonic

    from tocsin._event import Event

    if not call.after:
        return None
    events = [Event(name, at=call.at, mode=call.mode) for name in dict.fromkeys(call.after)]
    looks = [event.stats() for event in events]
    counted = [look.generation - look.is_set for look in looks]  # a pulse counts from here on
    until = None if call.timeout is None else monotonic() + call.timeout
    command = " ".join(call.command)[:60]
    for event, since in zip(events, counted, strict=True):
        left = None if until is None else max(0.0, until - monotonic())
        try:
            came = event.wait(left, since=since)
        except OwnerDied as error:
            complain(verb, Failure(f"{error}; {command} was not started"))
            return RUN_OWNER_DIED
        if not came:
            complain(verb, Failure(f"{event.name}: not set in time, at {shown(call.at)} ({command} was not started)"))
            return RUN_TIMED_OUT
    for event in events:
        event.close()
    return None


def _ends_with_us() -> Callable[[], None]:
    """For the child: if we are killed, it is asked to end."""
    import ctypes
    import os

    prctl, parent = ctypes.CDLL(None).prctl, os.getpid()

    def ask() -> None:
        prctl(_PR_SET_PDEATHSIG, int(_signal.SIGTERM))
        if os.getppid() != parent:  # dead before the kernel knew
            os._exit(127)

    return ask


def _command(verb: str, words: list[str]) -> int:
    """Its exit code, or minus the signal that ended it. Ctrl-C and such are for its own ears, in its group."""
    import subprocess

    def pass_on(number: int, _: Any) -> None:
        child.send_signal(number)

    try:
        _signal.signal(_signal.SIGPIPE, _signal.SIG_DFL)
        child = subprocess.Popen(words, preexec_fn=_ends_with_us())  # noqa: PLW1509 - it calls the kernel, nothing else
    except OSError as error:
        code = NO_COMMAND if error.errno == errno.ENOENT else NOT_RUNNABLE
        if error.errno in (errno.EAGAIN, errno.ENOMEM):
            code = RUN_FAILED
        why = "there is no such command" if error.errno == errno.ENOENT else error.strerror
        complain(verb, Failure(f"{words[0] or repr('')}: {why}"))
        return code
    _signal.signal(_signal.SIGINT, _signal.SIG_IGN)
    _signal.signal(_signal.SIGQUIT, _signal.SIG_IGN)
    for passed in _PASSED_ON:
        if _signal.getsignal(passed) != _signal.SIG_IGN:
            _signal.signal(passed, pass_on)
    return child.wait()
