"""What `tocsin doctor` looks at. The proofs, which try the kernel, are in _proofs.py."""

from __future__ import annotations

import os
import stat
import tempfile
from typing import TYPE_CHECKING

from tocsin._place import effective, place_dir
from tocsin.cli import _proofs
from tocsin.cli._logind import remove_ipc

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

OK, WARN, FAIL = "ok", "warn", "fail"


class Finding:
    """One line of the report. `mend`: what to do, where there is something to do."""

    def __init__(self, level: str, name: str, found: str, mend: str = "") -> None:
        self.level = level
        self.name = name
        self.found = found
        self.mend = mend

    def as_dict(self) -> dict[str, str]:
        return {"level": self.level, "name": self.name, "found": self.found, "mend": self.mend}


def examine(at: str | None) -> list[Finding]:
    directory, _ = place_dir(at)
    findings = [_kernel(), _place(at, directory)]
    # The user's own place is made on first use: until then its parent is what it will be.
    ground = directory if os.path.isdir(directory) else os.path.dirname(directory)
    findings += list(_file_system(ground))
    try:
        with tempfile.TemporaryDirectory(prefix=".doctor.", dir=ground) as workshop:
            findings += [_try(*proof, workshop) for proof in _PROOFS]
    except OSError as error:
        findings.append(Finding(FAIL, "proofs", f"nothing can be made in {ground}: {error.strerror}", _ELSEWHERE))
    findings += _limits()
    findings.append(remove_ipc(directory))
    return findings


_ELSEWHERE = "choose another place with --at or TOCSIN_AT"
_BELL = "waits by descriptor and in loops may miss sets here, which is not Linux as we know it: " + _ELSEWHERE

_PROOFS: tuple[tuple[str, Callable[[str], str | None], str, str], ...] = (
    ("edge per close", _proofs.edge_per_close, FAIL, _BELL),
    ("edge per death", _proofs.edge_per_death, FAIL, "a killed setter would not be noticed here: " + _ELSEWHERE),
    ("wake", _proofs.wake, FAIL, "waiters would sleep on: is futex(2) filtered (seccomp), or FUTEX_WAKE_OP missing?"),
    ("nameless files", _proofs.nameless, WARN, "new objects are made under hidden names instead, which a kill leaves"),
)


def _try(name: str, proof: Callable[[str], str | None], level: str, mend: str, workshop: str) -> Finding:
    try:
        fault = proof(workshop)
    except OSError as error:
        fault = f"{error.strerror} (errno {error.errno})"
    return Finding(level, name, fault, mend) if fault else Finding(OK, name, "tried, works")


def _kernel() -> Finding:
    system = os.uname()
    if system.sysname != "Linux":
        return Finding(FAIL, "kernel", f"{system.sysname} {system.release}", "tocsin needs Linux")
    return Finding(OK, "kernel", f"Linux {system.release}")


def _place(at: str | None, directory: str) -> Finding:
    name, where = "place", f"{effective(at)}: {directory}"
    try:
        found = os.stat(directory)
    except FileNotFoundError:
        if effective(at) == "user":
            return Finding(OK, name, f"{where}, made on first use")
        return Finding(FAIL, name, f"{where} is not there", "make the directory, or " + _ELSEWHERE)
    except OSError as error:
        return Finding(FAIL, name, f"{where}: {error.strerror}", _ELSEWHERE)
    fault = _place_fault(effective(at) == "user", directory, found)
    return Finding(fault[0], name, f"{where} {fault[1]}", fault[2]) if fault else Finding(OK, name, where)


def _place_fault(mine: bool, directory: str, found: os.stat_result) -> tuple[str, str, str] | None:  # noqa: FBT001
    mode = f"{found.st_mode & 0o7777:04o}"
    if not stat.S_ISDIR(found.st_mode):
        return FAIL, "is not a directory", "remove it, or " + _ELSEWHERE
    if mine and (found.st_uid != os.getuid() or found.st_mode & 0o077):
        mend = f"who made it could be somebody else: remove it, or chmod 700 {directory}"
        return FAIL, f"belongs to {found.st_uid} with mode {mode}", mend
    if not os.access(directory, os.W_OK | os.X_OK):
        return FAIL, "can't be written", _ELSEWHERE
    if found.st_mode & 0o002 and not found.st_mode & stat.S_ISVTX:
        return WARN, "is open to everybody", f"anybody can replace what lies there: chmod +t {directory}"
    return None


#: Several hosts may mount these, and neither a futex nor a FIFO reaches from one to the other.
_SHARED = ("nfs", "cifs", "smb", "9p", "fuse", "ceph", "gfs", "lustre", "afs", "virtiofs")


def _file_system(directory: str) -> Iterator[Finding]:
    kind = _kind_of_mount(directory)
    if kind.startswith(_SHARED):
        mend = "events reach the processes of one host only, and only if it maps shared files: " + _ELSEWHERE
        yield Finding(WARN, "file system", kind, mend)
    elif kind == "overlay":
        mend = "containers that share an image don't share this: bind-mount a directory for the place"
        yield Finding(WARN, "file system", kind, mend)
    else:
        yield Finding(OK, "file system", kind)
    try:
        room = os.statvfs(directory)
    except OSError as error:
        yield Finding(FAIL, "room", f"{directory}: {error.strerror}", _ELSEWHERE)
        return
    free, size = room.f_bavail * room.f_frsize >> 20, room.f_blocks * room.f_frsize >> 20
    objects = room.f_favail if room.f_files else None
    found = f"{free} of {size} MiB free, {'any number of' if objects is None else objects} more files"
    short = free < 16 or (objects is not None and objects < 1000)
    mend = "an object takes a page and a file, one with a bell two files: make room, or enlarge it (docker: --shm-size)"
    yield Finding(WARN if short else OK, "room", found, mend if short else "")


def _kind_of_mount(directory: str) -> str:
    real, best, kind = os.path.realpath(directory), "", "unknown"
    try:
        with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as mounts:
            for line in mounts:
                left, _, right = line.partition(" - ")
                point = left.split()[4].replace("\\040", " ")
                if len(point) >= len(best) and (real + "/").startswith(point.rstrip("/") + "/"):
                    best, kind = point, right.split()[0]
    except OSError:
        pass
    return kind


def _limits() -> Iterator[Finding]:
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    few = soft != resource.RLIM_INFINITY and soft < 1024
    mend = f"an event that is waited for by descriptor takes up to three: ulimit -n {hard}"
    yield Finding(WARN if few else OK, "descriptors", f"{soft} for a process", mend if few else "")
    yield _setting("pipes", "fs.pipe-user-pages-soft", 1024, "pages for a user's pipes; 0: any", "bells get small")
    yield _setting("mappings", "vm.max_map_count", 65530, "for a process; each open object takes one", "few objects")


def _setting(name: str, key: str, least: int, unit: str, else_: str) -> Finding:
    try:
        with open("/proc/sys/" + key.replace(".", "/"), encoding="ascii") as file:
            value = int(file.read())
    except (OSError, ValueError):
        return Finding(WARN, name, f"{key} can't be read", "is /proc mounted?")
    low = 0 < value < least
    return Finding(WARN if low else OK, name, f"{value} {unit}", f"{else_}: sysctl {key}={least}" if low else "")
