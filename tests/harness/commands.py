"""What the tests of commands share: how one is run, and what it may say."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path
    from subprocess import CompletedProcess

Run = Callable[..., "CompletedProcess[str]"]
Shell = Callable[[str], "CompletedProcess[str]"]


def said(result: CompletedProcess[str], code: int = 0) -> str:
    assert (result.returncode, result.stderr) == (code, "")
    return result.stdout


def one_line(result: CompletedProcess[str], code: int, says: str) -> None:
    """What can't be done is said so."""
    assert (result.returncode, result.stdout) == (code, ""), result
    assert result.stderr.endswith("\n")
    assert len(result.stderr.splitlines()) == 1, result.stderr
    assert says in result.stderr
    assert all(c.isprintable() for c in result.stderr[:-1])


def damage(path: Path, offset: int) -> None:
    """One byte of the header becomes another one."""
    image = bytearray(path.read_bytes())
    image[offset] ^= 0xFF
    path.write_bytes(image)
