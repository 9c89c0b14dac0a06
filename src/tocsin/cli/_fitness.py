"""What a check of the doctor's says, and how a directory has to be in order to be a place."""

from __future__ import annotations

import os
import stat

OK, WARN, FAIL = "ok", "warn", "fail"
ELSEWHERE = "choose another place with --at or TOCSIN_AT"


class Finding:
    """One line of the report. `mend`: what to do, where there is something to do."""

    def __init__(self, level: str, name: str, found: str, mend: str = "") -> None:
        self.level = level
        self.name = name
        self.found = found
        self.mend = mend

    def as_dict(self) -> dict[str, str]:
        return {"level": self.level, "name": self.name, "found": self.found, "mend": self.mend}


def place_fault(mine: bool, directory: str, found: os.stat_result) -> tuple[str, str, str] | None:  # noqa: FBT001
    mode = f"{found.st_mode & 0o7777:04o}"
    if not stat.S_ISDIR(found.st_mode):
        return FAIL, "is not a directory", "remove it, or " + ELSEWHERE
    if mine and (found.st_uid != os.getuid() or found.st_mode & 0o077):
        mend = f"who made it could be somebody else: remove it, or chmod 700 {directory}"
        return FAIL, f"belongs to {found.st_uid} with mode {mode}", mend
    if found.st_mode & 0o002 and not found.st_mode & stat.S_ISVTX:
        return WARN, "is open to everybody", f"anybody can replace what lies there: chmod +t {directory}"
    return None
