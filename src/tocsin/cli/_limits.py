"""Limits of this process, this user and this kernel, as far as many objects or many waiters may come to meet them."""

from __future__ import annotations

import resource

from tocsin.cli._fitness import OK, WARN, Finding

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

#: name, setting, the least that is plenty, what it counts, what becomes of too few
_SETTINGS = (
    ("pipes", "fs.pipe-user-pages-soft", 1024, "pages for a user's pipes; 0: any", "bells get small"),
    ("mappings", "vm.max_map_count", 65530, "for a process; each open object takes one", "few objects"),
    ("watches", "fs.inotify.max_user_watches", 8192, "directories that a user may watch", "few watchpoints"),
    ("watchers", "fs.inotify.max_user_instances", 128, "processes of a user with watchpoints", "few of them"),
)


def limits() -> Iterator[Finding]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    few = soft != resource.RLIM_INFINITY and soft < 1024
    most = "unlimited" if hard == resource.RLIM_INFINITY else hard
    mend = f"an event that is waited for by descriptor takes up to three: ulimit -n {most}"
    if few and hard != resource.RLIM_INFINITY and hard < 1024:
        mend = f"{mend} is all that is allowed here; /etc/security/limits.conf, or LimitNOFILE= of the unit, for more"
    yield Finding(WARN if few else OK, "descriptors", f"{soft} for a process", mend if few else "")
    size, _ = resource.getrlimit(resource.RLIMIT_FSIZE)
    small = size != resource.RLIM_INFINITY and size < 128 << 20
    found = "any size" if size == resource.RLIM_INFINITY else f"{size} bytes at most"
    mend = "a larger write ends the process by SIGXFSZ: ulimit -f unlimited"
    yield Finding(WARN if small else OK, "file size", found, mend if small else "")
    for row in _SETTINGS:
        yield _setting(*row)


def _setting(name: str, key: str, least: int, unit: str, else_: str) -> Finding:
    try:
        with open("/proc/sys/" + key.replace(".", "/"), encoding="ascii") as file:
            value = int(file.read())
    except (OSError, ValueError):
        return Finding(WARN, name, f"{key} can't be read", "is /proc mounted?")
    low = 0 < value < least or (value == 0 and name.startswith("watch"))
    return Finding(WARN if low else OK, name, f"{value} {unit}", f"{else_}: sysctl {key}={least}" if low else "")
