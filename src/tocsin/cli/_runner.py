"""A command that is run for one thing after another, each time to its end, and that does not outlive us unheard."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess

from tocsin.cli._exit import Failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_PR_SET_PDEATHSIG = 1


class Runner:
    """`program` must be there before the first thing is taken: `otherwise` says what was not done because it isn't."""

    def __init__(self, program: str, otherwise: str) -> None:
        self._prctl = ctypes.CDLL(None).prctl  # looked up here: after fork only what is safe there
        self._mask: set[signal.Signals | int] = set()
        self._us = os.getpid()
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)  # a command that doesn't read its input doesn't kill us
        if signal.getsignal(signal.SIGCHLD) is signal.SIG_IGN:  # our caller did: the kernel would keep no exit code
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        if not _can_run(program):
            raise Failure(f"{program}: no such command, or not executable: {otherwise}")

    def run(self, words: Sequence[str | bytes], line: bytes | None, environment: dict[str, str]) -> int:
        """Run it to its end with `line` on standard input (None: nothing is there): its exit code, or minus a signal.

        OSError: it could not be started. Anything else that comes up ends it, and goes on.
        """
        # Ctrl-C waits until we know of the child: between its start and our `try` it would have got away.
        self._mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        child = None
        try:
            child = self._start(words, line, environment)
            signal.pthread_sigmask(signal.SIG_SETMASK, self._mask)
            child.communicate(line)  # one that doesn't read is no error
        except BaseException:
            # At a terminal Ctrl-C has reached it too; a signal to us alone has not. It may still tidy up.
            if child is not None:
                child.terminate()
                child.wait()
            raise
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, self._mask)
        return child.returncode

    def _start(
        self, words: Sequence[str | bytes], line: bytes | None, environment: dict[str, str]
    ) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL if line is None else subprocess.PIPE,
            env={**os.environ, **environment},
            preexec_fn=self._end_with_us,  # noqa: PLW1509 - this process has one thread
        )

    def _end_with_us(self) -> None:
        """In the child: when we are killed, nobody would wait for it any more, and what it does is another's to do."""
        self._prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != self._us:
            os._exit(1)
        signal.pthread_sigmask(signal.SIG_SETMASK, self._mask)


def ending(code: int) -> str:
    """How it ended, in words."""
    return f"ended with {code}" if code > 0 else f"was ended by {_name(-code)}"


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time one has no name of its own
        return f"signal {number}"


def _can_run(program: str) -> bool:
    folders = [""] if "/" in program else os.get_exec_path()
    paths = (os.path.join(folder, program) for folder in folders)
    return any(os.path.isfile(path) and os.access(path, os.X_OK) for path in paths)
