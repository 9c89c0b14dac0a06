"""An interactive shell at a real terminal, of which this is the other end."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import select
import signal
import struct
import subprocess
import termios
import time
from typing import Self

from harness.until import PATIENCE_S

PROMPT = "<next>"


class Terminal:
    """An interactive bash, whose controlling terminal this is the other end of."""

    def __init__(self, command: list[str], term: str = "dumb") -> None:
        self.keys, theirs = os.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 77, 0, 0))
        attributes = termios.tcgetattr(theirs)
        attributes[3] &= ~termios.ECHO  # only what programs say
        termios.tcsetattr(theirs, termios.TCSANOW, attributes)

        def take_it() -> None:
            for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGTSTP, signal.SIGHUP):
                signal.signal(number, signal.SIG_DFL)
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)

        self.shell = subprocess.Popen(
            command, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
            preexec_fn=take_it,  # noqa: PLW1509 - this process has no other threads
            env={**os.environ, "PS1": PROMPT, "TERM": term, "HISTFILE": ""},
        )  # fmt: skip
        os.close(theirs)
        self.screen = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.hang_up()
        for pid in session(self.shell.pid):
            with contextlib.suppress(ProcessLookupError):  # it has just gone by itself
                os.kill(pid, signal.SIGKILL)
        self.shell.wait(PATIENCE_S)

    def hang_up(self) -> None:
        if self.keys >= 0:
            os.close(self.keys)
        self.keys = -1

    def type(self, text: str) -> None:
        os.write(self.keys, text.encode())

    def until(self, pattern: str) -> str:
        """What was on the screen up to and with the pattern; it is wiped away."""
        end = time.monotonic() + PATIENCE_S
        while not (found := re.search(pattern, self.screen)):
            left = max(0.0, end - time.monotonic())
            assert readable(self.keys, left), f"never came: {pattern}; on the screen:\n{self.screen}"
            self.screen += os.read(self.keys, 4096).decode(errors="replace").replace("\r\n", "\n")
        seen, self.screen = self.screen[: found.end()], self.screen[found.end() :]
        return seen

    def line(self, command: str) -> str:
        """What a command says until the shell asks for the next one."""
        self.type(command + "\n")
        return self.until(PROMPT).removesuffix(PROMPT)

    def job(self, command: str) -> int:
        """A command in the foreground that has said `ready PID`, of its parent: that number."""
        self.type(command + "\n")
        return int(re.findall(r"ready (\d+)\n", self.until(r"ready \d+\n"))[0])


def readable(fd: int, seconds: float) -> bool:
    """Of whatever number: `select` ends at 1,024, and a process that has tested much may have more than that open."""
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    return bool(poll.poll(seconds * 1000))


def session(leader: int) -> list[int]:
    found = []
    for pid in (int(entry) for entry in os.listdir("/proc") if entry.isdecimal()):
        try:
            if os.getsid(pid) == leader:
                found.append(pid)
        except ProcessLookupError:
            pass
    return found
