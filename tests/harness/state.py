"""What the kernel says of a process, which may go while one reads."""

from __future__ import annotations

from pathlib import Path

from harness.until import until


def state(pid: int) -> str:
    """Its letter in /proc: R, S, D, T, Z; "gone" when there is none of that number."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return "gone"


def until_state(pid: int, letters: str) -> None:
    until(lambda: state(pid) in letters, f"process {pid} is {letters}")


def alive(pid: int) -> bool:
    return state(pid) not in ("gone", "Z", "X")


def until_gone(pid: int) -> None:
    """Reaped or not: it does nothing any more."""
    until(lambda: not alive(pid), f"process {pid} has ended")
