"""A terminal whose screen can be read: what `tocsin top` really shows, frame by frame."""

from __future__ import annotations

import contextlib
import fcntl
import os
import struct
import termios
import time
from typing import TYPE_CHECKING

import pyte

from harness.terminal import Terminal, readable
from harness.until import PATIENCE_S

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HOME = b"\x1b[H"  # each frame begins with it

Frame = list[str]
KINDS = ("event", "signal", "data", "queue", "lock", "bus")


class Glass(Terminal):
    def __init__(self, command: list[str], columns: int = 80, lines: int = 24) -> None:
        super().__init__(command, term="xterm")
        self._glass = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self._glass)
        self.raw = b""
        self.frames: list[Frame] = []  # the whole ones
        self._rest = b""
        self.resize(columns, lines)

    def resize(self, columns: int, lines: int) -> None:
        self._glass.resize(lines, columns)
        fcntl.ioctl(self.keys, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    @contextlib.contextmanager
    def other_end(self) -> Iterator[int]:
        """The program's side of the terminal: how it is set, also after the program has ended."""
        number = os.open(os.readlink(f"/proc/{self.shell.pid}/fd/0"), os.O_RDWR | os.O_NOCTTY)
        try:
            yield number
        finally:
            os.close(number)

    def read(self, patience: float = 0.0) -> bool:
        """What has come meanwhile; False: nothing, or it is hung up."""
        ready = readable(self.keys, patience)
        try:
            new = os.read(self.keys, 65536) if ready else b""
        except OSError:
            new = b""
        self.raw += new
        self._rest += new
        while (at := self._rest.find(HOME)) >= 0:
            self._stream.feed(self._rest[:at])
            frame = [line.rstrip() for line in self._glass.display]
            if frame[0].startswith("toc"):  # not the screen before the program, nor the cleared one
                self.frames.append(frame)
            self._stream.feed(HOME)
            self._rest = self._rest[at + len(HOME) :]
        keep = next((n for n in (2, 1) if self._rest.endswith(HOME[:n])), 0)
        self._stream.feed(self._rest[: len(self._rest) - keep])
        self._rest = self._rest[len(self._rest) - keep :]
        return bool(new)

    def drain(self) -> int:
        while self.read():
            pass
        return len(self.frames)

    def next(self, count: int = 1) -> Frame:
        """The next whole frame but `count` - 1. The third that comes is of a look that began after this call: the
        first may be on the screen already, and the second's look be under way. It has rates: two looks were before."""
        wanted = self.drain() + count
        self.shows(lambda _: len(self.frames) >= wanted, f"{count} frames more")
        return self.frames[wanted - 1]

    def shows(self, condition: Callable[[Frame], object], what: str) -> Frame:
        """Read until the last whole frame is so."""
        end = time.monotonic() + PATIENCE_S
        while not (self.frames and condition(self.frames[-1])):
            assert time.monotonic() < end, f"never came: {what}; on the screen:\n" + "\n".join(self._glass.display)
            self.read(0.2)
        return self.frames[-1]

    def until_end(self) -> int:
        """It ends by itself: the code. All that it has written is read by then."""
        while self.shell.poll() is None:
            self.read(0.05)
        self.drain()
        return self.shell.returncode


def rows(frame: Frame) -> dict[str, dict[str, str]]:
    """By name, and then by column; the columns are where the heading says."""
    at = next((i for i, line in enumerate(frame) if line.startswith("KIND")), None)
    if at is None:
        return {}
    heads = frame[at].split()
    left = {"KIND", "STATE", "NAME"}
    spans, start = {}, 0
    for head in heads:
        end = frame[at].index(head) + len(head)
        spans[head] = (start, end)
        if head in left:  # up to where the next right-aligned one may begin
            widths = {"KIND": 6, "STATE": 12, "NAME": 1000}
            spans[head] = (frame[at].index(head), frame[at].index(head) + widths[head])
        start = spans[head][1] + 1
    found = {}
    for line in frame[at + 1 :]:
        row = {head: line[a:b].strip() for head, (a, b) in spans.items()}
        if row.get("NAME") and row["KIND"] in KINDS:
            found[row["NAME"]] = row
    return found
