"""For which objects do the threads of a process sleep? /proc/PID/task/TID/syscall names the call and its arguments.

A thread that waits for an event sleeps in the futex of its word, or in an epoll that has the bell of the object in it,
its own or its loop's. So it is found by the address, or by the inode of the bell in /proc/PID/fdinfo. Linux shows the
call of another process to its own user and to root, or, where Yama is set so (ptrace_scope), to root and its parents:
then it is unknown.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tocsin.cli._walk import Seen

#: Bits of a word of which one is on while somebody waits: SLEEPERS, BELL, CBELL (core/parts/word.h).
ARMED = 0b1110

_WORD_AT = 64
_SHARED_WAITS = (0, 9)  # FUTEX_WAIT, FUTEX_WAIT_BITSET; private ones carry another bit
_CLOCK = 256

#: futex, also as restart_syscall; those that sleep on an epoll; and on descriptors that only the process knows.
_CALLS = {
    "x86_64": ({202, 219}, {232, 281, 441}, {7, 23, 270, 271}),
    "aarch64": ({98, 128}, {22, 441}, {72, 73}),
}


class Process:
    def __init__(self, pid: str) -> None:
        self._proc = f"/proc/{pid}"
        self._bells: dict[int, Seen] = {}
        self._epolls: dict[int, set[str]] = {}

    def waits(self, ranges: list[tuple[int, int, Seen]]) -> dict[str, int | None]:
        """How many threads sleep for each of the objects in the ranges. None: can't be told."""
        calls = _CALLS.get(os.uname().machine)
        found: dict[str, int | None] = {one.path: 0 for _, _, one in ranges}
        if calls is None:
            return dict.fromkeys(found)
        futexes, epolls, polls = calls
        self._bells = {bell: one for _, _, one in ranges if (bell := _bell_of(one)) is not None}
        poll = False
        try:
            for call, *arguments in self._asleep():
                paths: set[str]
                if call in futexes and arguments[1] & ~_CLOCK in _SHARED_WAITS:
                    paths = _by_address(ranges, arguments[0])
                elif call in epolls:
                    paths = self._by_bell(arguments[0])
                else:
                    poll = poll or call in polls
                    continue
                for path in paths:
                    found[path] = (found[path] or 0) + 1
            if poll:  # in select or poll: of that the kernel shows no descriptors
                for path in self._in_any_epoll():
                    found[path] = found[path] or None
        except (FileNotFoundError, ProcessLookupError):
            return dict.fromkeys(found, 0)  # it has ended: it waits for nothing
        except OSError:
            return {path: count or None for path, count in found.items()}
        return found

    def _asleep(self) -> list[list[int]]:
        """Call and arguments of each thread that sleeps in one."""
        found = []
        for tid in os.listdir(f"{self._proc}/task"):
            try:
                with open(f"{self._proc}/task/{tid}/syscall", "rb") as file:
                    fields = file.read().split()
            except (FileNotFoundError, ProcessLookupError):
                continue  # that thread has ended
            if len(fields) > 2 and fields[0].isdigit():  # else: running
                found.append([int(fields[0]), *(int(field, 16) for field in fields[1:3])])
        return found

    def _by_bell(self, epoll: int, depth: int = 0) -> set[str]:
        """The objects whose bell is in an epoll, or in one that is in it, as that of a loop's hub is in its loop's."""
        known = self._epolls.get(epoll)
        if known is not None or depth > 2:
            return known or set()
        found = self._epolls[epoll] = set()
        ours, members = self._members(epoll)
        for fd, inode in members:
            bell = self._bells.get(inode)
            if bell is not None and self._link(fd).endswith(".bell"):
                found.add(bell.path)
            elif inode == ours and self._link(fd) == "anon_inode:[eventpoll]":
                found |= self._by_bell(fd, depth + 1)
        return found

    def _members(self, epoll: int) -> tuple[int, list[tuple[int, int]]]:
        """The epoll's own inode, which all nameless things share, and (descriptor, inode) of what is in it."""
        ours, members = -1, []
        try:
            with open(f"{self._proc}/fdinfo/{epoll}", "rb") as file:
                lines = file.read().split(b"\n")
        except FileNotFoundError:  # closed meanwhile
            return ours, []
        for line in lines:
            if line.startswith(b"ino:"):
                ours = int(line.split()[1])
            elif line.startswith(b"tfd:"):
                inode = line.partition(b"ino:")[2].split()
                members.append((int(line.split()[1]), int(inode[0], 16) if inode else -1))
        return ours, members

    def _in_any_epoll(self) -> set[str]:
        found = set()
        for fd in os.listdir(f"{self._proc}/fd"):
            if self._link(fd) == "anon_inode:[eventpoll]":
                found |= self._by_bell(int(fd))
        return found

    def _link(self, fd: int | str) -> str:
        try:
            return os.readlink(f"{self._proc}/fd/{fd}").removesuffix(" (deleted)")
        except OSError:
            return ""


def _by_address(ranges: list[tuple[int, int, Seen]], address: int) -> set[str]:
    return {one.path for start, end, one in ranges if start <= address < end and 0 <= address - start - _WORD_AT < 8}


def _bell_of(one: Seen) -> int | None:
    assert one.found is not None
    folder, leaf = os.path.split(one.path)
    try:
        return os.lstat(f"{folder}/.{leaf}.{one.found['id']:016x}.bell").st_ino
    except OSError:
        return None
