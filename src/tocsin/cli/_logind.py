"""RemoveIPC: systemd-logind deletes what a user has in /dev/shm when the user's last session ends.

It does so by default, also to what is mapped, but not to system users and not outside /dev/shm.
"""

from __future__ import annotations

import glob
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tocsin.cli._fitness import Finding

_FOLDERS = ("/usr/lib/systemd", "/usr/local/lib/systemd", "/run/systemd", "/etc/systemd")
_FIRST_PERSON = 1000  # logind spares the users below (SYS_UID_MAX)


def remove_ipc(directory: str) -> Finding:
    from tocsin.cli._fitness import OK, WARN, Finding

    name = "logout"
    if not (directory + "/").startswith("/dev/shm/"):  # noqa: S108 - this very directory is meant
        return Finding(OK, name, "this place is out of logind's reach")
    if not os.path.isdir("/run/systemd/system"):
        return Finding(OK, name, "no systemd here, which could clean /dev/shm")
    value, source = _setting()
    if value in ("no", "false", "off", "0"):
        return Finding(OK, name, f"RemoveIPC={value} ({source})")
    if os.getuid() < _FIRST_PERSON:
        return Finding(OK, name, f"RemoveIPC={value} ({source}), which spares system users")
    mend = (
        "objects go when this user's last session ends: loginctl enable-linger, or RemoveIPC=no in "
        "/etc/systemd/logind.conf, or a place outside /dev/shm"
    )
    return Finding(WARN, name, f"RemoveIPC={value} ({source})", mend)


def _setting() -> tuple[str, str]:
    """The value that counts, and the file that says it: drop-ins, sorted by name, come after the main file."""
    mains = [main for main in (f"{folder}/logind.conf" for folder in _FOLDERS) if os.path.exists(main)]
    dropped = {os.path.basename(f): f for folder in _FOLDERS for f in glob.glob(f"{folder}/logind.conf.d/*.conf")}
    value, source = "yes", "the default"
    for path in [*mains[-1:], *(dropped[key] for key in sorted(dropped))]:
        try:
            with open(path, encoding="utf-8", errors="replace") as file:
                lines = file.read().splitlines()
        except OSError:
            continue
        for line in lines:
            key, equals, text = line.partition("=")
            if equals and key.strip() == "RemoveIPC":
                value, source = text.strip().lower(), path
    return value, source
