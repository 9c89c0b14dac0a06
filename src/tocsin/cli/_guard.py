"""What kills the commands, with all that they have started, when the worker is killed.

The kernel's own word for that, PR_SET_PDEATHSIG, reaches a command and not its children, and most commands are shell
scripts, whose children do the work. So a second process, which does nothing but sleep on a pipe, is told each process
group before its command begins, and kills those it still knows when the pipe's other end is closed: the kernel does
that at the end of the worker, whatever the end. It holds nothing else, so it delays nothing that hangs on the
worker's death.
"""

from __future__ import annotations

import contextlib
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal
else:
    import _signal

_SIZE = 4  # of a pid_t
_DEAF_TO = (_signal.SIGINT, _signal.SIGTERM, _signal.SIGHUP, _signal.SIGQUIT)


class Guard:
    """To be made before anything is opened of which others hear when we close it."""

    def __init__(self) -> None:
        theirs, self.fd = os.pipe2(os.O_CLOEXEC)
        os.set_blocking(self.fd, False)  # one that is stopped delays nobody
        if os.fork() == 0:
            try:
                _watch(theirs)
            finally:
                os._exit(0)
        os.close(theirs)

    def forget(self, group: int) -> None:
        """To be called before it is reaped, while its number is nobody else's."""
        with contextlib.suppress(OSError):  # killed: then the kernel's own word is what there is
            os.write(self.fd, (-group).to_bytes(_SIZE, sys.byteorder, signed=True))


def _watch(fd: int) -> None:
    for number in _DEAF_TO:
        _signal.signal(number, _signal.SIG_IGN)
    os.setsid()  # no terminal's signals
    os.closerange(3, fd)
    os.closerange(fd + 1, os.sysconf("SC_OPEN_MAX"))
    null = os.open(os.devnull, os.O_RDWR)
    for standard in range(3):
        os.dup2(null, standard)
    groups: set[int] = set()
    while data := os.read(fd, 1024 * _SIZE):  # whole numbers: each is written at once
        for at in range(0, len(data), _SIZE):
            told = int.from_bytes(data[at : at + _SIZE], sys.byteorder, signed=True)
            if told > 0:
                groups.add(told)
            else:
                groups.discard(-told)
    for group in groups:
        with contextlib.suppress(OSError):
            os.killpg(group, _signal.SIGKILL)
