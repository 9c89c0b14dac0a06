"""Is a thread, of any process, provably asleep in a wait?

/proc/PID/task/TID/syscall names a system call only when the kernel has seen the thread off the processor, in
the same sleep, twice (task_current_syscall in lib/syscall.c); otherwise it says "running". A thread that it
shows inside of futex or epoll_wait has therefore joined the wait queue, and a wake cannot pass it by.

A thread that SIGSTOP has stopped is shown in its last call as well, so the state has to be "S", too.

Our futex waits are FUTEX_WAIT_BITSET and shared; those of Python's own locks carry FUTEX_PRIVATE_FLAG, so a
thread that merely waits for the GIL is not mistaken for one that waits for an event.
"""

from __future__ import annotations

import platform
from pathlib import Path
from typing import TYPE_CHECKING

from harness.until import until

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterable

_FUTEX_WAIT_BITSET_SHARED = 9

#: futex, also as the restart_syscall that continues it after a stop, with the same arguments in its registers;
#: and every call by which a loop, a select or the core sleeps on descriptors
_NUMBERS = {
    "x86_64": ({202, 219}, {7, 23, 232, 270, 271, 281, 441}),
    "aarch64": ({98, 128}, {22, 72, 73, 441}),
}


def asleep(pid: int | str = "self", tid: int | None = None) -> bool:
    """True if the thread `tid` (None: the main thread) sleeps in an event's futex, or on descriptors."""
    futexes, polls = _NUMBERS[platform.machine()]
    task = Path(f"/proc/{pid}/task/{pid if tid is None else tid}")
    try:
        fields = (task / "syscall").read_text().split()
        state = (task / "stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    if state != "S":  # a stopped thread is off the processor, too, and has left the wait queue
        return False
    if not fields or not fields[0].isdecimal():
        return False
    call = int(fields[0])
    if call in polls:
        return True
    # What continues a poll after a stop has its arguments, too: a wait on a server's answers is one of two descriptors.
    return call in futexes and int(fields[2], 16) in (_FUTEX_WAIT_BITSET_SHARED, 2)


def until_asleep(pid: int | str, tid: int | None = None) -> None:
    until(lambda: asleep(pid, tid), f"thread {tid} of process {pid} sleeps")


def until_all_asleep(threads: Iterable[threading.Thread]) -> None:
    for thread in threads:
        until(lambda t=thread: t.native_id is not None and asleep("self", t.native_id), f"{thread.name} sleeps")
