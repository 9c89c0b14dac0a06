"""Child processes with a line protocol, killed and reaped whatever happens."""

from __future__ import annotations

import contextlib
import os
import selectors
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

from harness.asleep import until_asleep
from harness.until import PATIENCE_S

if TYPE_CHECKING:
    import signal
    from collections.abc import Mapping, Sequence
    from types import TracebackType

TESTS = Path(__file__).parent.parent

#: In front of every script: `hear()` reads a line from the test, `say(x)` writes one to it.
_PREAMBLE = """\
import os, signal, sys, time
sys.path.insert(0, {tests!r})
import tocsin
from tocsin import Event
def say(*what): os.write(1, (" ".join(map(str, what)) + "\\n").encode())  # whole lines, whoever else writes
def hear(): return sys.stdin.readline().strip()
"""


class Child:
    """`with Child(script, *args) as child:` runs Python; `Child.of([...])` runs any program."""

    def __init__(
        self,
        script: str,
        *args: str,
        env: Mapping[str, str] | None = None,
        within: Sequence[str] = (),
        **options: object,
    ) -> None:
        """`within`: a command in front, which becomes it."""
        code = _PREAMBLE.format(tests=str(TESTS)) + textwrap.dedent(script)
        self._start([*within, sys.executable, "-c", code, *args], env, options)

    @classmethod
    def of(cls, command: Sequence[str], env: Mapping[str, str] | None = None, **options: object) -> Self:
        child = cls.__new__(cls)
        child._start(list(command), env, options)
        return child

    def _start(self, command: list[str], env: Mapping[str, str] | None, options: Mapping[str, object]) -> None:
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=None if env is None else {**os.environ, **env},
            **options,
        )
        self.pid = self.process.pid
        self._heard = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    def say(self, line: str = "") -> None:
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()

    def hear(self, limit: float = PATIENCE_S) -> str:
        """The next line that it says. A child that ends or hangs instead is shown with its error output."""
        end = time.monotonic() + limit
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            while b"\n" not in self._heard:
                if not selector.select(max(0.0, end - time.monotonic())):
                    self.kill()
                    raise AssertionError(f"the child said nothing for {limit} s; its errors: {self.errors()}")
                more = os.read(self.process.stdout.fileno(), 65536)
                if not more:
                    code = self.process.wait(limit)
                    raise AssertionError(f"the child ended with {code}, saying nothing; its errors: {self.errors()}")
                self._heard += more
        line, self._heard = self._heard.split(b"\n", 1)
        return line.decode()

    def until_asleep(self, tid: int | None = None) -> None:
        until_asleep(self.pid, tid)

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def end(self, limit: float = PATIENCE_S) -> int:
        """Wait for its own end; the exit code, negative for a signal. What it said last is in `rest`."""
        try:
            out, err = self.process.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"the child had not ended after {limit} s") from None
        self.rest, self._errors = (self._heard + out).decode(), err
        return self.process.returncode

    def check(self) -> str:
        """It must end by itself, without an error; what it said."""
        code = self.end()
        assert code == 0, f"the child ended with {code}: {self.errors()}"
        return self.rest

    def errors(self) -> str:
        if hasattr(self, "_errors"):
            return self._errors.decode(errors="replace")
        if self.process.poll() is None or self.process.stderr.closed:
            return "(still running)"
        return self.process.stderr.read().decode(errors="replace")

    def kill(self) -> None:
        if self.process.poll() is None:
            self.process.kill()  # also reaches one that is stopped
        self.process.wait(PATIENCE_S)
        if not hasattr(self, "_errors"):
            self._errors = self.process.stderr.read() if not self.process.stderr.closed else b""
        for pipe in (self.process.stdout, self.process.stderr):
            pipe.close()
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
