"""What `tocsin doctor` looks at. The proofs, which try the kernel, are in _proofs.py."""

from __future__ import annotations

import os
import tempfile

from tocsin._place import effective, place_dir
from tocsin.cli import _proofs
from tocsin.cli._fitness import ELSEWHERE, FAIL, OK, WARN, Finding, place_fault
from tocsin.cli._logind import remove_ipc

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def examine(at: str | None) -> list[Finding]:
    from tocsin.cli._limits import limits
    from tocsin.cli._stopped import stopped

    directory, _ = place_dir(at)
    findings = [_kernel(), _place(at, directory)]
    # The user's own place is made on first use: until then its parent is what it will be.
    ground = directory if os.path.isdir(directory) else os.path.dirname(directory)
    findings += list(_file_system(ground))
    try:
        with tempfile.TemporaryDirectory(prefix=".doctor.", dir=ground) as workshop:
            findings += [_try(*proof, workshop) for proof in _PROOFS]
    except OSError as error:
        findings.append(Finding(FAIL, "proofs", f"nothing can be made in {ground}: {error.strerror}", ELSEWHERE))
    findings += limits()
    findings.append(remove_ipc(directory))
    findings.append(_container(directory))
    return findings + stopped(at)


_BELL = "waits by descriptor and in loops may miss sets here, which is not Linux as we know it: " + ELSEWHERE

_PROOFS: tuple[tuple[str, Callable[[str], str | None], str, str], ...] = (
    ("edge per close", _proofs.edge_per_close, FAIL, _BELL),
    ("edge per death", _proofs.edge_per_death, FAIL, "a killed setter would not be noticed here: " + ELSEWHERE),
    ("wake", _proofs.wake, FAIL, "waiters would sleep on: is futex(2) filtered (seccomp), or FUTEX_WAKE_OP missing?"),
    ("death frees", _proofs.death_frees, FAIL, "what the killed held stays taken here: " + ELSEWHERE),
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
        return Finding(FAIL, name, f"{where} is not there", "make the directory, or " + ELSEWHERE)
    except OSError as error:
        return Finding(FAIL, name, f"{where}: {error.strerror}", ELSEWHERE)
    fault = place_fault(effective(at) == "user", directory, found)
    if fault is None and not os.access(directory, os.W_OK | os.X_OK):
        fault = FAIL, "can't be written", ELSEWHERE
    return Finding(fault[0], name, f"{where} {fault[1]}", fault[2]) if fault else Finding(OK, name, where)


#: Several hosts may mount these, and neither a futex nor a FIFO reaches from one to the other.
_SHARED = ("nfs", "cifs", "smb", "9p", "fuse", "ceph", "gfs", "lustre", "afs", "virtiofs")


def _file_system(directory: str) -> Iterator[Finding]:
    kind = _kind_of_mount(directory)
    if kind.startswith(_SHARED):
        mend = "events reach the processes of one host only, and only if it maps shared files: " + ELSEWHERE
        yield Finding(WARN, "file system", kind, mend)
    elif kind == "overlay":
        mend = "containers that share an image don't share this: bind-mount a directory for the place"
        yield Finding(WARN, "file system", kind, mend)
    else:
        yield Finding(OK, "file system", kind)
    try:
        room = os.statvfs(directory)
    except OSError as error:
        yield Finding(FAIL, "room", f"{directory}: {error.strerror}", ELSEWHERE)
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


def _container(directory: str) -> Finding:
    """Of several containers, each has a /dev/shm of its own, unless they were started otherwise."""
    name = "container"
    signs = [sign for sign in ("/.dockerenv", "/run/.containerenv") if os.path.exists(sign)]
    try:
        inner = os.readlink("/proc/self/ns/pid") != _FIRST_NAMESPACE
    except OSError:
        inner = False
    if not signs and not inner:
        return Finding(OK, name, "none, as far as can be seen")
    if (directory + "/").startswith("/dev/shm/"):  # noqa: S108 - this very directory is meant
        found = "this is one: others share its /dev/shm only with --ipc, or with a volume and --at"
        return Finding(OK, name, found)
    return Finding(OK, name, "this is one: others share this place if the directory is mounted in them")


_FIRST_NAMESPACE = "pid:[4026531836]"  # PROC_PID_INIT_INO, in include/linux/proc_ns.h
