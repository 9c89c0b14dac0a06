"""What is asked of a long-lived verb by signals: kept in order, and told by a descriptor.

The handlers only take notes, so nothing is ever interrupted in the middle; whoever waits has the descriptor among what
he waits for.
"""

from __future__ import annotations

import contextlib
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal
    from types import FrameType
else:
    import _signal  # the module `signal` builds enums, for longer than our work takes

_ENDS = (_signal.SIGTERM, _signal.SIGINT, _signal.SIGHUP, _signal.SIGQUIT)
_STOPS = (_signal.SIGTSTP, _signal.SIGCONT)


class Asked:
    """Signals, from the start of this object on. Those that our caller ignores stay ignored."""

    def __init__(self) -> None:
        self.came: list[int] = []
        self.fd, self._write = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        _signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        _signal.signal(_signal.SIGCHLD, _signal.SIG_DFL)  # ignored, it would take the ends of our children from us
        _signal.signal(_signal.SIGPIPE, _signal.SIG_IGN)  # of our own words; children have the default
        for number in (*_ENDS, *_STOPS):
            if _signal.getsignal(number) != _signal.SIG_IGN:
                _signal.signal(number, self._note)

    def _note(self, number: int, _: FrameType | None) -> None:
        self.came.append(number)

    def take(self) -> list[int]:
        """What came since the last time, in order."""
        with contextlib.suppress(BlockingIOError):
            while os.read(self.fd, 512):
                pass
        came, self.came = self.came, []
        return came

    def stop(self) -> None:
        """Stop this process, as SIGTSTP does to those that don't handle it, unless it is to go on already."""
        _signal.pthread_sigmask(_signal.SIG_BLOCK, _STOPS)
        try:
            if _signal.SIGCONT in self.came or _signal.SIGCONT in _signal.sigpending():
                return
            _signal.signal(_signal.SIGTSTP, _signal.SIG_DFL)
            os.kill(os.getpid(), _signal.SIGTSTP)  # waits until it is not blocked; a SIGCONT takes it away
        finally:
            _signal.pthread_sigmask(_signal.SIG_UNBLOCK, _STOPS)  # here we stop, and from here we go on
            _signal.signal(_signal.SIGTSTP, self._note)
            self.came = [number for number in self.came if number != _signal.SIGCONT]


def end_like(number: int) -> int:
    """As a process that does not handle `number`, but without a core file."""
    if number == _signal.SIGQUIT:
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    _signal.signal(number, _signal.SIG_DFL)
    os.kill(os.getpid(), number)
    return 128 + number  # it is blocked: at least the code says it
