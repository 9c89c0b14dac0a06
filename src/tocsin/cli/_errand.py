"""One item and the command that works on it, in a process group of its own.

Nothing here waits: the pool does, for all of them at once.
"""

from __future__ import annotations

import contextlib
import errno
import os
import time

from tocsin import _spawn
from tocsin.cli import _values
from tocsin.cli._exit import FAILED, NO_COMMAND, NOT_RUNNABLE, Failure, complain

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal
    from typing import Any

    from tocsin._delivery import Delivery
    from tocsin.cli._guard import Guard
else:
    import _signal

_PLACE_HOLDER = b"{}"
_WHY = {
    errno.ENOENT: "there is no such command",
    errno.EACCES: "no permission to execute it",
    errno.E2BIG: "the item is longer than the kernel takes as an argument: give it on standard input, without {}",
    errno.EAGAIN: "no more processes may be started",
    errno.ETXTBSY: "it is being written at the moment",
}
#: The command is as wrong for every other item.
_HOPELESS = {errno.ENOENT, errno.EACCES, errno.ENOTDIR, errno.ENOEXEC, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG}
#: Older kernels know neither; those that insist on the first refuse a memory file without it.
_MFD_NOEXEC_SEAL = 8
#: Descriptors that a worker leaves free: one more item is a command's two, the queue's next segment, a late import.
_SPARE = 8


def is_roomy(fd: int) -> bool:
    """Is there room for another command, and some left for ourselves? `fd`: any that is open."""
    held: list[int] = []
    try:
        held.extend(os.dup(fd) for _ in range(_SPARE))
    except OSError as error:
        if error.errno not in (errno.EMFILE, errno.ENFILE):
            raise
        return False
    finally:
        for number in held:
            os.close(number)
    return True


class NotStarted(Exception):
    """`code`: what `work` ends with if the command is to blame; None: this item is, the next may fare better.

    `is_passing`: this machine is, and when another command has ended there may be room.
    """

    def __init__(self, program: str, why: str, code: int | None, *, is_passing: bool = False) -> None:
        super().__init__(f"{program}: {why}")
        self.code = code
        self.is_passing = is_passing

    def tell(self, verb: str, so: str) -> int:
        complain(verb, Failure(f"{self}: {so}"))
        return FAILED if self.code is None else self.code


class Command:
    """What is run for each item: its words, in which {} stands for the item, else it is on standard input."""

    def __init__(self, name: str, words: list[str]) -> None:
        self.program = words[0]
        self.guard: Guard | None = None
        self._words = [os.fsencode(word) for word in words]
        #: Not in the first: an item must not choose what is run.
        self._by_argument = any(_PLACE_HOLDER in word for word in self._words[1:])
        ours = (b"TOCSIN_QUEUE", b"TOCSIN_ATTEMPT", b"TOCSIN_SEQUENCE")
        self._environment = [key + b"=" + value for key, value in os.environb.items() if key not in ours]
        self._environment.append(b"TOCSIN_QUEUE=" + os.fsencode(name))

    def is_wrong(self) -> NotStarted | None:
        """Can it be executed, as far as can be seen from outside?"""
        folders = [""] if "/" in self.program else os.get_exec_path()
        paths = [os.path.join(folder, self.program) for folder in folders] if self.program else []
        found = [path for path in paths if os.path.isfile(path)]
        if any(os.access(path, os.X_OK) for path in found):
            return None
        there = found or any(os.path.exists(path) for path in paths if "/" in self.program)
        number = errno.EACCES if there else errno.ENOENT
        return self._failure(number)

    def start(self, delivery: Delivery[Any]) -> tuple[int, int]:
        """Its process and a descriptor of that. NotStarted: there is none."""
        environment = [
            *self._environment,
            b"TOCSIN_ATTEMPT=%d" % delivery.attempt,
            b"TOCSIN_SEQUENCE=%d" % delivery.sequence,
        ]
        try:
            words, stdin = self._fill(delivery.item)
            try:
                # Killed and not asked: when we are dead its item is somebody else's.
                guard = -1 if self.guard is None else self.guard.fd
                pid, was_there = _spawn.start(words, environment, stdin, _signal.SIGKILL, guard)
            finally:
                os.close(stdin)
        except ValueError:
            why = "the item can't be an argument, because it has a zero byte: give it on standard input, without {}"
            raise NotStarted(self.program, why, None) from None
        except OSError as error:
            why = f"no process could be started: {error.strerror}"
            raise NotStarted(self.program, why, FAILED, is_passing=True) from None
        if pid < 0:
            raise self._failure(-pid, no_process=not was_there)
        try:
            return pid, os.pidfd_open(pid)
        except OSError as error:
            os.killpg(pid, _signal.SIGKILL)
            os.waitpid(pid, 0)
            why = f"it could not be watched: {error.strerror}"
            raise NotStarted(self.program, why, FAILED, is_passing=True) from None

    def _fill(self, item: object) -> tuple[list[bytes], int]:
        """The words, and a descriptor for standard input: the item as a file, so that nobody has to feed a pipe."""
        if not self._by_argument:
            return self._words, _memory(_values.shown(item, plainly=False) + b"\n")
        text = _values.shown(item, plainly=True)
        first, *others = self._words
        words = [first, *(word.replace(_PLACE_HOLDER, text) for word in others)]
        return words, os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)

    def _failure(self, number: int, *, no_process: bool = False) -> NotStarted:
        why = _WHY.get(number) or os.strerror(number)
        if no_process:
            return NotStarted(self.program, why, FAILED, is_passing=True)
        code = NO_COMMAND if number == errno.ENOENT else NOT_RUNNABLE
        return NotStarted(self.program, why, code if number in _HOPELESS else None)


def _memory(data: bytes) -> int:
    try:
        fd = os.memfd_create("item", os.MFD_CLOEXEC | _MFD_NOEXEC_SEAL)
    except OSError:
        fd = os.memfd_create("item", os.MFD_CLOEXEC)
    try:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(fd, rest) :]
        os.lseek(fd, 0, os.SEEK_SET)
    except BaseException:
        os.close(fd)
        raise
    return fd


class Errand:
    """A command at work on an item. Its process is reaped by `end`, so until then its number is its own."""

    def __init__(self, delivery: Delivery[Any], pid: int, fd: int, timeout: float, guard: Guard | None) -> None:
        self.delivery = delivery
        self._guard = guard
        self.fd = fd  # readable when the command has ended
        self.due = time.monotonic() + timeout  # when to lose patience; inf: never
        self.timed_out = False
        self.told: int | None = None  # to end: an exit 0 after that may be mere politeness
        self._pid = pid

    def tell(self, number: int) -> None:
        """To it, and to all that it has started and that hasn't left its group."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._pid, number)

    def ask_to_end(self, number: int, grace: float) -> None:
        """By `number`; by SIGKILL when the patience is at its end."""
        self.told = number
        self.due = time.monotonic() + grace
        self.tell(number)
        self.tell(_signal.SIGCONT)  # one that is stopped would not hear it

    def kill(self) -> None:
        self.told = _signal.SIGKILL
        self.due = float("inf")
        self.tell(_signal.SIGKILL)

    def end(self) -> int:
        """Reap it: its exit code, or minus the signal that ended it."""
        if self.told is not None:  # nothing of it may work on while somebody else has the item
            self.tell(_signal.SIGKILL)
        if self._guard is not None:
            self._guard.forget(self._pid)
        found = os.waitid(os.P_PIDFD, self.fd, os.WEXITED)
        os.close(self.fd)
        assert found is not None
        return found.si_status if found.si_code == os.CLD_EXITED else -found.si_status

    def reason(self, code: int, timeout: float) -> str:
        """Why it is no success that it ended with `code`, in words that follow its name."""
        if self.timed_out:
            return f"had not ended after {timeout:g} s"
        if self.told is not None:
            return f"was told to end by {_name(self.told)}"
        return f"ended with {code}" if code > 0 else f"was ended by {_name(-code)}"


def _name(number: int) -> str:
    import signal

    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time one
        return f"signal {number}"
