"""What `tocsin check` finds in an object: what the core says of it (core/objects/check.c), and how to mend it."""

from __future__ import annotations

import os
import stat

from tocsin import _core
from tocsin._errors import error
from tocsin.cli._kinds import NAMES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

#: Who mends it (core/tocsin.h, enum toc_mend).
ITSELF, REPAIR, REMOVE = 0, 1, 2


class About:
    """What a finding is about: an object, or (without a name) something else that lies in the place."""

    def __init__(self, path: str, name: str | None = None, kind: str | None = None) -> None:
        self.path = path
        self.name = name
        self.kind = kind

    def __str__(self) -> str:
        return f"{self.name} ({self.kind or 'of no kind'}, {self.path})" if self.name else self.path


class Finding:
    """One line of the report. `repair`, where `--repair` can put it right, returns what it did, or raises."""

    def __init__(self, about: About, what: str, mend: str, repair: Callable[[], str] | None = None) -> None:
        self.about = about
        self.what = what
        self.mend = mend
        self.repair = repair
        self.repaired: str | None = None

    def as_dict(self) -> dict[str, Any]:
        about = {"name": self.about.name, "kind": self.about.kind, "path": self.about.path}
        return {**about, "what": self.what, "mend": self.mend, "repaired": self.repaired}

    def __str__(self) -> str:
        return f"{self.about}: {self.what}; {self.repaired or self.mend}"


class Target:
    """An object to look at: its name, where it is, and how a command line names it."""

    def __init__(self, name: str, at: str, path: str, at_words: str) -> None:
        self.name = name
        self.at = at
        self.path = path
        self.words = f"{name}{at_words}"


def examine(target: Target) -> list[Finding]:
    """Raises what keeps us from looking: FileNotFoundError, PermissionError, WrongKind, FormatMismatch."""
    raw = os.fsencode(target.path)
    said = _core.check_object(raw)
    if isinstance(said, int):
        raise error(said, target.name, target.at, target.path)
    kind, mode_fault = _about(target)
    about = About(target.path, target.name, kind)
    findings = [_finding(target, about, *one) for one in said]
    if mode_fault and not findings:
        findings.append(Finding(about, *mode_fault))
    return findings


def _finding(  # noqa: PLR0913, PLR0917 - the core's struct
    target: Target, about: About, what: str, mend: int, many: int, sequence: int, file: str
) -> Finding:
    counted = f"{what} ({_count(many, sequence, file)})" if many else what
    words = "nothing to do: the next who uses it puts it right"
    repair: Callable[[], str] | None = None
    if mend == REPAIR:
        words = f"tocsin check --repair {target.words}"

        def repair() -> str:
            return _repair(target, what)

    elif mend == REMOVE:
        words = f"tocsin rm -f {target.words}" if _is_file(target.path) else "move the file away, or take another name"
    return Finding(about, counted, words, repair)


def _count(many: int, sequence: int, file: str) -> str:
    if sequence:
        return f"{many}, the first is number {sequence}"
    return f"{many}, the first is {file!r}" if file else str(many)


def _repair(target: Target, what: str) -> str:
    removed = _core.repair(os.fsencode(target.path))
    if removed < 0:
        raise error(removed, target.name, target.at, target.path)
    left = _core.check_object(os.fsencode(target.path))
    if not isinstance(left, int) and any(one[0] == what for one in left):
        raise OSError(0, "it is still so")
    return f"repaired, {removed} files removed" if removed else "repaired"


def _is_file(path: str) -> bool:
    try:
        return stat.S_ISREG(os.lstat(path).st_mode)
    except OSError:
        return False


def _about(target: Target) -> tuple[str | None, tuple[str, str] | None]:
    """Its kind, if its head can be read; and whether its file has other permissions than it was made with."""
    found = _core.look_at(os.fsencode(target.path))
    if isinstance(found, int):
        return None, None
    kind = NAMES.get(found["kind"])
    has, made = found["file_mode"] & 0o777, found["mode"]
    if has == made:
        return kind, None
    what = f"its file has the permissions {has:04o}, and it was made with {made:04o}"
    return kind, (what, f"chmod {made:o} {quoted(target.path)}")


def quoted(word: str) -> str:
    """As a shell takes it."""
    from shlex import quote

    return quote(word)


def looks_like_ours(path: str) -> bool:
    """Is it an object, if perhaps a damaged one? Its layout's signature stands beside its magic."""
    import sys

    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    except OSError:
        return False
    try:
        head = os.read(fd, 16)
    except OSError:
        return False
    finally:
        os.close(fd)
    return head.startswith(b"TOCSIN") or (int.from_bytes(head[8:12], sys.byteorder) & 0xFFFFFF) == _LAYOUT


_LAYOUT = 128 << 12 | 64 << 4 | 8  # toc_layout() in core/parts/format.h, without the number of the format
