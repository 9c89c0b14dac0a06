"""Kill a process at a chosen instruction of a Python call, by ptrace.

The process asks to be traced and stops itself before the call and after it (`marked`); whoever forked it lets it go
some instructions on and kills it there (`kill_after`).
"""

from __future__ import annotations

import ctypes
import os
import platform
import signal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_TRACEME, _PEEKUSER, _SINGLESTEP = 0, 3, 9
#: Where the instruction pointer stands in what PTRACE_PEEKUSER reads; other machines have another call for it.
_POINTER = {"x86_64": 16 * 8}.get(platform.machine())

_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
_libc.ptrace.restype = ctypes.c_long


class NotPermitted(Exception):
    """This machine or container lets nobody trace."""


def forked(before: Callable[[], object], call: Callable[[], object]) -> int:
    """A child that does `before` and has stopped: it is to go through `call` under the eyes of its parent."""
    child = os.fork()
    if child == 0:
        try:
            before()
            if _libc.ptrace(_TRACEME, 0, None, None) < 0:
                os._exit(77)
            os.kill(os.getpid(), signal.SIGSTOP)
            call()
            os.kill(os.getpid(), signal.SIGSTOP)
        finally:
            os._exit(78)
    _, status = os.waitpid(child, 0)
    if not os.WIFSTOPPED(status):
        if os.waitstatus_to_exitcode(status) == 77:
            raise NotPermitted
        raise AssertionError(f"the child ended with {os.waitstatus_to_exitcode(status)} before its call")
    return child


def step(child: int) -> bool:
    """One instruction, or one system call. False: it has stopped itself again, behind its call."""
    if _libc.ptrace(_SINGLESTEP, child, None, None) < 0:
        raise OSError(ctypes.get_errno(), "ptrace")
    _, status = os.waitpid(child, 0)
    assert os.WIFSTOPPED(status), f"it ended with {os.waitstatus_to_exitcode(status)}"
    if os.WSTOPSIG(status) == signal.SIGTRAP:
        return True
    assert os.WSTOPSIG(status) == signal.SIGSTOP, f"signal {os.WSTOPSIG(status)}"
    return False


def kill(child: int) -> None:
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def kill_after(child: int, steps: int) -> bool:
    """True: in the middle of its call; False: it had done it before."""
    within = all(step(child) for _ in range(steps))
    kill(child)
    return within


def length(child: int, library: str) -> tuple[int, int, int]:
    """How many instructions its call takes, and at which the first and the last of `library` come. Kills it then."""
    ranges = _mapped(child, library)
    count, first, last = 0, -1, -1
    while step(child):
        count += 1
        at = _pointer(child)
        if any(low <= at < high for low, high in ranges):
            first, last = (count if first < 0 else first), count
    kill(child)
    return (count, first, last) if first >= 0 else (count, 0, count)


def _pointer(child: int) -> int:
    return 0 if _POINTER is None else _libc.ptrace(_PEEKUSER, child, _POINTER, None) & (1 << 64) - 1


def _mapped(child: int, library: str) -> list[tuple[int, int]]:
    found = []
    with open(f"/proc/{child}/maps") as lines:
        for line in lines:
            if library in line:
                low, _, high = line.split()[0].partition("-")
                found.append((int(low, 16), int(high, 16)))
    return found
