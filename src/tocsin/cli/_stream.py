"""Lines to standard output one by one, for verbs that print what they take away from others.

What was printed must have arrived before anybody is told that it was taken, so these lines don't go through
sys.stdout, whose buffer would hold them back.
"""

from __future__ import annotations

import os
import select
import sys

from tocsin.cli._exit import Failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal
else:
    import _signal  # the module `signal` builds enums, for longer than our work takes


class ReaderLeft(Exception):
    """Whoever read our standard output has closed it."""


class Lines:
    """Standard output, unbuffered. While it exists, a reader that leaves doesn't kill us."""

    def __init__(self) -> None:
        if sys.stdout is None:
            raise Failure("standard output is closed: what is taken could not be printed")
        self._fd = sys.stdout.fileno()
        self._poll = select.poll()
        self._poll.register(self._fd, 0)  # asks for nothing: the kernel reports an error or hang-up all the same
        _signal.signal(_signal.SIGPIPE, _signal.SIG_IGN)

    def check(self) -> None:
        """Raises ReaderLeft when a line would be of no use to anyone: before it is taken, where that can be known."""
        if any(found & (select.POLLERR | select.POLLHUP) for _, found in self._poll.poll(0)):
            raise ReaderLeft

    def write(self, line: bytes) -> None:
        """All of `line` and a newline; ReaderLeft, or Failure when it could not be written."""
        rest = memoryview(line + b"\n")
        while rest:
            try:
                rest = rest[os.write(self._fd, rest) :]
            except BrokenPipeError:
                raise ReaderLeft from None
            except BlockingIOError:  # somebody made the pipe non-blocking, for all who share it
                patient = select.poll()
                patient.register(self._fd, select.POLLOUT)
                patient.poll()
            except OSError as error:
                raise Failure(f"can't write to standard output: {error.strerror}") from None


def die_quietly() -> int:
    """As every command does whose reader left."""
    _signal.signal(_signal.SIGPIPE, _signal.SIG_DFL)
    os.kill(os.getpid(), _signal.SIGPIPE)
    return 141  # the signal is blocked: at least the code says it
