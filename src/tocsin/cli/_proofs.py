"""The kernel's promises, tried: each proof returns what is broken, or None. Children that it starts are reaped."""

from __future__ import annotations

import os
import select
import signal
import time

from tocsin._event import Event
from tocsin._lock import Lock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

#: How long to wait for what should come at once: a loaded machine may be slow, a broken kernel never answers.
_PATIENCE = 5.0


class _Ear:
    """A bell in `directory`, and one listener, as core/parts/bell.h makes them."""

    def __init__(self, directory: str, name: str) -> None:
        self.path = os.path.join(directory, name)
        os.mkfifo(self.path, 0o600)
        self.ear = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        self.epoll = select.epoll()
        self.epoll.register(self.ear, select.EPOLLIN | select.EPOLLET)

    def fill(self) -> None:
        """The byte that stays, and its edge consumed."""
        writer = os.open(self.path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        os.write(writer, b"\0")
        os.close(writer)
        while self.edge():
            pass

    def edge(self, patience: float = 0) -> bool:
        return bool(self.epoll.poll(patience))

    def close(self) -> None:
        self.epoll.unregister(self.ear)
        self.epoll.close()
        os.close(self.ear)


def edge_per_close(directory: str) -> str | None:
    """The close of a ringer is an edge, each time, while nobody writes (core/parts/bell.h): that is the ring."""
    ear = _Ear(directory, "close")
    try:
        ear.fill()
        for count in range(3):
            ring = os.open(ear.path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            if ear.edge():
                os.close(ring)
                return "opening a FIFO raises an edge, so a waiter is woken before the change"
            os.close(ring)
            if not ear.edge(_PATIENCE):
                return f"close {count + 1} of a FIFO that others read raises no edge"
            if ear.edge():
                return "an edge that was consumed comes back"
    finally:
        ear.close()
    return None


def edge_per_death(directory: str) -> str | None:
    """The same when it is the kernel that closes, for one that was killed."""
    ear = _Ear(directory, "death")
    ready, tell = os.pipe()
    child = 0
    try:
        ear.fill()

        def hold() -> None:
            os.open(ear.path, os.O_RDONLY | os.O_NONBLOCK)
            os.write(tell, b"\0")
            signal.pause()

        child = _start(hold)
        os.close(tell)
        tell = -1
        if not os.read(ready, 1):
            return "a process can't open a FIFO that another one reads"
        while ear.edge():
            pass
        _end(child)
        child = 0
        if not ear.edge(_PATIENCE):
            return "the kernel's close for a killed ringer raises no edge"
    finally:
        if child:
            _end(child)
        for number in (ready, tell):
            if number >= 0:
                os.close(number)
        ear.close()
    return None


def wake(directory: str) -> str | None:
    """A set wakes a process that sleeps: one FUTEX_WAKE_OP on a page that both map."""
    path = os.path.join(directory, "wake")
    with Event(path) as event:
        child = _start(lambda: os._exit(0 if Event(path).wait(4 * _PATIENCE) else 1))
        try:
            if not _soon(lambda: event.stats().sleepers or _ended(child)) or _ended(child):
                return "a waiting process never says that it sleeps"
            event.set()
            if not _soon(lambda: _ended(child)):
                return "a set doesn't wake a process that sleeps"
        finally:
            _end(child)
    return None


def death_frees(directory: str) -> str | None:
    """The kernel takes a lock back from one who was killed, and says so to those who ask (core/parts/owner.h)."""
    path = os.path.join(directory, "lock")
    lock = Lock(path)

    def hold() -> None:
        held = Lock(path)  # a handle that is dropped gives it back
        held.acquire()
        signal.pause()

    try:
        child = _start(hold)
        try:
            if not _soon(lambda: lock.locked() or _ended(child)) or _ended(child):
                return "nobody sees the lock that another process holds"
        finally:
            _end(child)
        if not lock.acquire(timeout=_PATIENCE):
            return "the lock of one who was killed stays taken"
        lock.release()
        return None
    finally:
        lock.close()


def nameless(directory: str) -> str | None:
    """A file is complete before it has a name."""
    try:
        file = os.open(directory, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError:
        return "this file system has no files without a name (O_TMPFILE)"
    root = os.open("/", os.O_PATH | os.O_CLOEXEC)  # with a directory given, os.link is linkat and follows
    try:
        os.link(f"/proc/self/fd/{file}", os.path.join(directory, "nameless"), src_dir_fd=root, follow_symlinks=True)
    except OSError as error:
        return f"a file without a name can't be given one (linkat: {error.strerror})"
    finally:
        os.close(root)
        os.close(file)
    return None


def _start(work: Callable[[], object]) -> int:
    child = os.fork()
    if child:
        return child
    try:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        work()
    finally:
        os._exit(1)


def _ended(child: int) -> bool:
    # Left unreaped: _end still needs its number to be its own.
    return os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _end(child: int) -> None:
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def _soon(true: Callable[[], bool]) -> bool:
    until = time.monotonic() + _PATIENCE
    while not true():
        if time.monotonic() > until:
            return False
        time.sleep(0.001)
    return True
