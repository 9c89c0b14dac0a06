"""The kernel's own books: which process has an object open, who waits for it, and who is behind an owner's id.

Nobody of ours keeps such lists, so nothing can be stale: a mapping is in /proc/PID/maps, a lock in /proc/locks,
and a thread that sleeps is in the system call that /proc/PID/task/TID/syscall names. Reading them disturbs nobody.
What another user's process has open can't be read, and then it is unknown, and said so.
"""

from __future__ import annotations

import os

from tocsin.cli._sleepers import ARMED, Process

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from tocsin.cli._common import Row
    from tocsin.cli._kinds import Found
    from tocsin.cli._walk import Seen

_FIRST_NAMESPACE = "pid:[4026531836]"  # PROC_PID_INIT_INO: here one sees every process of the host


class User:
    """A process that has an object open, and how many of its threads wait for it (None: that can't be read)."""

    __slots__ = ("command", "pid", "waits")

    def __init__(self, pid: int, command: str, waits: int | None) -> None:
        self.pid = pid
        self.command = command
        self.waits = waits


class Books:
    """One reading. `users`: by the path of the object."""

    def __init__(self, seen: Iterable[Seen]) -> None:
        #: None: there is no /proc here
        self.users: dict[str, list[User]] | None = None
        #: users of processes that could not be read, of which each may have anything open that he may read
        self._unread: list[int] = []
        #: that is all of them: the others' processes are not hidden from us
        self._all = False
        self._pids: dict[int, int] | None = None
        self._read(list(seen))

    def open_by(self, one: Seen) -> tuple[list[User] | None, int | None]:
        """Who has it open, and how many processes may, of which that can't be read (None: nobody knows how many)."""
        assert one.found is not None
        if self.users is None or one.is_far:
            return None, None
        may = self._unread
        if one.found["file_mode"] & 0o066 == 0:
            may = [uid for uid in may if uid in (0, one.found["uid"])]
        return self.users.get(one.path, []), len(may) if self._all else None

    def pid_of(self, owner: int) -> int | None:
        """The process, as it is numbered here, that has the lock by which an owner lives (docs/design/owner.md)."""
        if self._pids is None:
            self._pids = _locks()
        return self._pids.get(owner)

    def _read(self, seen: list[Seen]) -> None:
        try:
            pids = [name for name in os.listdir("/proc") if name.isdecimal()]
            self._all = os.readlink("/proc/self/ns/pid") == _FIRST_NAMESPACE
        except OSError:
            return
        self.users = {}
        wanted = _Wanted(seen)
        if not wanted.objects:
            return
        us = str(os.getpid())
        for pid in pids:
            if pid == us:
                continue
            try:
                with open(f"/proc/{pid}/maps", "rb") as file:
                    maps = file.read()
            except PermissionError:
                self._unread.append(_user_of(pid))
            except OSError:
                pass  # it has ended, or is the kernel's own
            else:
                self._note(pid, wanted.mapped(maps))

    def _note(self, pid: str, ranges: list[tuple[int, int, Seen]]) -> None:
        if not ranges:
            return
        assert self.users is not None
        here = {one.path: one for _, _, one in ranges}
        waits: dict[str, int | None] = {}
        # Who waits has put a bit into the object's word, or nobody could tell him: without one there is nobody.
        armed = [each for each in ranges if each[2].found is not None and each[2].found["word"] & ARMED]
        if armed:
            waits = Process(pid).waits(armed)
        command = command_of(pid)
        for path in here:
            self.users.setdefault(path, []).append(User(int(pid), command, waits.get(path, 0)))


class _Wanted:
    """Objects by how /proc/PID/maps names them: device and inode; and by path, where the file system has two
    minds about the device (btrfs, overlay)."""

    def __init__(self, seen: list[Seen]) -> None:
        self.objects: dict[tuple[bytes, bytes], Seen] = {}
        self._paths: dict[bytes, Seen] = {}
        self._marks: set[bytes] = set()
        for one in seen:
            if one.found is None or one.is_far:
                continue
            dev = b"%02x:%02x" % (os.major(one.found["dev"]), os.minor(one.found["dev"]))
            self.objects[dev, b"%d" % one.found["ino"]] = one
            self._paths[os.fsencode(one.path)] = one
            self._marks.add(b" %s " % dev)
        if seen:
            near = {os.path.dirname(one.path) for one in seen if not one.is_far}
            self._marks |= {os.fsencode(folder) + b"/" for folder in near}

    def mapped(self, maps: bytes) -> list[tuple[int, int, Seen]]:
        """From where the object's first byte would be to the end of the mapping, and which object."""
        marks = [mark for mark in self._marks if mark in maps]
        if not marks:
            return []
        found = []
        for line in maps.split(b"\n"):
            if not any(mark in line for mark in marks):
                continue
            span, _, offset, dev, inode, *path = line.split(None, 5)
            one = self.objects.get((dev, inode))
            if one is None and path:
                one = self._paths.get(path[0])
                if one is not None and one.found is not None and one.found["ino"] != int(inode):
                    one = None
            if one is not None:
                start, _, end = span.partition(b"-")
                found.append((int(start, 16) - int(offset, 16), int(end, 16), one))
        return found


def _user_of(pid: str) -> int:
    try:
        return os.stat(f"/proc/{pid}").st_uid
    except OSError:
        return -1


def _locks() -> dict[int, int]:
    """Each owner holds a read lock on one byte, whose number is its id: 46 random bits, so no other is like it."""
    found = {}
    try:
        with open("/proc/locks", "rb") as file:
            for line in file.read().split(b"\n"):
                field = line.split()
                if len(field) == 8 and field[1] == b"POSIX" and field[3] == b"READ" and field[6] == field[7]:
                    found[int(field[6])] = int(field[4])
    except (OSError, ValueError):
        pass
    return found


def command_of(pid: int | str) -> str:
    """Its command line, or, of one that has wiped it, its name; "": it has ended."""
    for name in ("cmdline", "comm"):
        try:
            with open(f"/proc/{pid}/{name}", "rb") as file:
                text = file.read(4096).replace(b"\0", b" ").strip()
        except OSError:
            return ""
        if text:
            return text.decode("utf-8", "replace")[:200]
    return ""


def running_since(pid: int) -> float | None:
    """When it was started, in seconds since the epoch. What it holds it has had for no longer than that."""
    import time

    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            ticks = int(file.read().rpartition(b")")[2].split()[19])
    except (OSError, ValueError, IndexError):
        return None
    started = ticks / os.sysconf("SC_CLK_TCK")
    return round(time.time() - time.clock_gettime(time.CLOCK_BOOTTIME) + started, 2)


def with_people(row: Row, one: Seen, books: Books) -> Row:
    """What the books add to a row: `open`, `unseen`, `waits`; who has a queue's items in hand; since when he runs."""
    if one.found is None:
        return row
    users, unseen = books.open_by(one)
    row["open"] = users if users is None else [{"pid": u.pid, "command": u.command, "waits": u.waits} for u in users]
    row["unseen"] = unseen
    row["waits"] = waits_of(one, users, unseen)
    for key in ("owned_by", "held_by"):
        if row.get(key) and not one.is_far:
            pid = books.pid_of(one.found["claim"])
            row[key]["running_since"] = running_since(pid) if pid else None
    if row["kind"] == "queue":
        row["in_hand"] = _in_hand(one.found, books)
    return row


def waits_of(one: Seen, users: list[User] | None, unseen: int | None) -> int | None:
    """How many threads wait, as far as that can be seen. None: not at all, and somebody may."""
    assert one.found is not None
    if one.is_far:  # they may be on any host
        return None
    if not one.found["word"] & ARMED:
        return 0
    if users is None:
        return None
    known = [user.waits for user in users if user.waits is not None]
    total = sum(known)
    return None if total == 0 and (len(known) < len(users) or unseen != 0) else total


def _in_hand(found: Found, books: Books) -> list[dict[str, Any]]:
    people: list[dict[str, Any]] = list(found.get("people", ()))  # as a server knows them
    for owner, held, taken, _, alive in found.get("takers", ()):
        pid = books.pid_of(owner)
        person: dict[str, Any] = {"pid": pid, "command": command_of(pid) if pid else None, "alive": alive}
        person.update(held=held, taken=taken, running_since=running_since(pid) if pid else None)
        people.append(person)
    return people
