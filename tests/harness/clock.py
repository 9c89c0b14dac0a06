"""A wall clock that jumps, of a program that the test starts: `clock.c`, compiled and preloaded."""

from __future__ import annotations

import shutil
import struct
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Self

from harness.cbuild import compile_c

if TYPE_CHECKING:
    from types import TracebackType

SOURCE = Path(__file__).with_suffix(".c")


class Clock:
    """`with Clock() as clock:` - a program that has `clock.environment` sees the time that `clock.jump` says."""

    def __init__(self) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="tocsin-clock-"))
        self.file = self.directory / "jump"
        library = compile_c(self.directory / "clock.so", [SOURCE], "-O2", "-Wall", "-fPIC", link=("-shared",))
        self.environment = {"LD_PRELOAD": str(library), "TOCSIN_TEST_CLOCK": str(self.file)}
        self.jump(0)

    def jump(self, seconds: float) -> None:
        """From now on it is so far from the true time."""
        with self.file.open("r+b" if self.file.exists() else "wb", buffering=0) as file:
            file.write(struct.pack("=q", round(seconds * 1e9)))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        shutil.rmtree(self.directory, ignore_errors=True)
