"""A terminal that is given back as it was, whatever the end: `tocsin top`'s screen, its keys and its signals."""

from __future__ import annotations

import os
import re
import select
import signal
import sys
import termios
import tty
from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING, Any, Self

from rich.console import Console
from rich.live import Live
from rich.text import Text

if TYPE_CHECKING:
    from tocsin.cli._view import Line

_ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
_NOTED = (*_ENDS, signal.SIGTSTP, signal.SIGCONT, signal.SIGWINCH)

#: What the arrow keys and their neighbours send, in both modes of a terminal.
_ESCAPES = {
    b"\x1b[A": "up", b"\x1bOA": "up", b"\x1b[B": "down", b"\x1bOB": "down",
    b"\x1b[5~": "pageup", b"\x1b[6~": "pagedown",
    b"\x1b[H": "home", b"\x1bOH": "home", b"\x1b[F": "end", b"\x1bOF": "end",
}  # fmt: skip


#: One key of what several have sent by the time that we read: an escape sequence as a whole, or a byte.
_KEY = re.compile(rb"\x1b[\[O][0-9;]*[A-Za-z~]|[^\x1b]|\x1b")


class Ended(Exception):
    """A signal asks for our end: the terminal is as it was, and the signal is still to be died of."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


class Screen:
    """`with Screen() as screen`: the terminal is ours. Keys and signals come out of `wait`, one by one."""

    def __init__(self) -> None:
        self._console = Console(highlight=False, markup=False, emoji=False, soft_wrap=False)
        self._live: Live | None = None
        self._saved: list[Any] | None = None
        self._keys = 0 if sys.stdin is not None and os.isatty(0) else -1
        self._pending: list[str] = []
        self._handlers: dict[int, Any] = {}
        self._noted = -1
        self._notes = -1

    @property
    def size(self) -> tuple[int, int]:
        """Columns and lines, as they are now."""
        for number in (1, 0):
            with suppress(OSError):
                found = os.get_terminal_size(number)
                if found.columns > 0 and found.lines > 0:
                    return found.columns, found.lines
        return 80, 24

    def __enter__(self) -> Self:
        self._noted, self._notes = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(self._notes, warn_on_full_buffer=False)
        for number in _NOTED:
            if signal.getsignal(number) != signal.SIG_IGN:  # what the caller ignores stays ignored
                self._handlers[number] = signal.signal(number, _note)
        try:
            self._take()
        except BaseException:
            self._give()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._give()
        signal.set_wakeup_fd(-1)
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    def _take(self) -> None:
        if self._keys >= 0:
            self._saved = termios.tcgetattr(self._keys)
            tty.setcbreak(self._keys, termios.TCSANOW)
        columns, lines = self.size
        self._console.size = (columns, lines)
        self._live = Live(
            Text(""),
            console=self._console,
            screen=True,
            auto_refresh=False,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._live.start()

    def _give(self) -> None:
        """May be called twice. A terminal that is gone needs nothing back."""
        live, self._live = self._live, None
        with suppress(OSError):
            if live is not None:
                live.stop()
        saved, self._saved = self._saved, None
        with suppress(OSError, termios.error):
            if saved is not None:
                termios.tcsetattr(self._keys, termios.TCSADRAIN, saved)

    def draw(self, lines: list[Line]) -> None:
        assert self._live is not None
        self._console.size = self.size
        text = Text("\n", no_wrap=True, overflow="crop", end="").join(Text(line, style=style) for line, style in lines)
        text.no_wrap, text.overflow = True, "crop"
        self._live.update(text, refresh=True)

    def wait(self, until: float | None) -> str | None:
        """The next key, by its name, or "again": draw the screen anew. None: it is time, of the monotonic clock."""
        while True:
            if self._pending:
                return self._pending.pop(0)
            left = None if until is None else max(0.0, until - monotonic())
            readable = [number for number in (self._noted, self._keys) if number >= 0]
            ready, _, _ = select.select(readable, [], [], left)
            if not ready:
                return None
            if self._noted in ready and self._answer():
                return "again"
            if self._keys in ready:
                self._read()

    def _read(self) -> None:
        try:
            typed = os.read(self._keys, 64)
        except OSError:
            typed = b""
        if not typed:  # hung up
            self._keys = -1
            self._pending.append("q")
        self._pending += [_ESCAPES.get(key, key.decode("latin-1")) for key in _KEY.findall(typed)]

    def _answer(self) -> bool:
        """True: draw anew. Ended, when a signal says so."""
        try:
            numbers = os.read(self._noted, 64)
        except BlockingIOError:
            return False
        for number in numbers:
            if number in _ENDS:
                raise Ended(number)
        if signal.SIGTSTP in numbers:
            self._stop()
        elif signal.SIGCONT in numbers:  # after SIGSTOP, which says nothing before
            self._give()
            self._take()
        return True

    def _stop(self) -> None:
        self._give()
        mine = signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTSTP)
        signal.signal(signal.SIGTSTP, mine)
        with suppress(BlockingIOError):  # the SIGCONT that brought us back
            os.read(self._noted, 64)
        self._take()


def _note(*_: object) -> None:
    """The number is in the pipe; a handler there must be, or the signal would do what it does."""


def die_of(number: int) -> int:
    """End as the signal ends a command, so that a shell's loop stops. The code, if the signal is blocked."""
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    return 128 + number
