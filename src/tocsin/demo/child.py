"""One stage's process: its group, its lines, its end."""

from __future__ import annotations

import os
import select
import signal
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


class Failed(Exception):
    """A stage ended as it should not."""


class Child:
    """A process in a group of its own, because a shell has children too, with a pipe for its lines."""

    def __init__(self, stage: str, name: str, argv: Sequence[str], run: Path, environment: Mapping[str, str]) -> None:
        self.stage: str = stage
        self.name: str = name
        self.argv: Sequence[str] = argv
        self.errors: Path = run / f"{stage}.errors"
        with self.errors.open("ab") as errors:
            self.process: subprocess.Popen[bytes] = subprocess.Popen(
                argv,
                cwd=run,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                process_group=0,
            )
        assert self.process.stdout is not None
        self.lines_fd: int = self.process.stdout.fileno()
        self.end_fd: int = os.pidfd_open(self.process.pid)
        self._rest = b""

    def read(self) -> list[str]:
        """The lines that have come; none at the end of the file, and then `end_fd` is about to tell."""
        return self._split(os.read(self.lines_fd, 1 << 16))

    def stop(self) -> list[str]:
        """SIGSTOP, and the lines that it had written by then. It may also turn out to have ended."""
        os.killpg(self.process.pid, signal.SIGSTOP)
        os.waitid(os.P_PID, self.process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
        lines: list[str] = []
        while select.select([self.lines_fd], [], [], 0)[0] and (data := os.read(self.lines_fd, 1 << 16)):
            lines += self._split(data)
        return lines

    def go_on(self) -> None:
        os.killpg(self.process.pid, signal.SIGCONT)

    def kill(self) -> None:
        """SIGKILL for the whole group. Only before `end`: until then the kernel keeps the number for us."""
        os.killpg(self.process.pid, signal.SIGKILL)

    def end(self) -> list[str]:
        """Reap it, and return its last lines.

        The end of the file is the proof that nobody of its group is left: each of them held the pipe.
        """
        self.kill()
        lines: list[str] = []
        while data := os.read(self.lines_fd, 1 << 16):
            lines += self._split(data)
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()
        os.close(self.end_fd)
        return lines

    def how_it_ended(self) -> str:
        code = self.process.returncode
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit status {code}"
        said = self.errors.read_text(errors="replace").strip().splitlines()
        return f"the stage {self.stage} {how}" + (f": {said[-1]}" if said else "")

    def _split(self, data: bytes) -> list[str]:
        *lines, self._rest = (self._rest + data).split(b"\n")
        return [line.decode() for line in lines]
