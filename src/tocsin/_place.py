"""Names and places: where an object lives. The rules are the core's (core/parts/place.c); here are the words.

``at`` is ``"user"`` (this host, this user), ``"system"`` (this host, every user), a directory, the URL of a server
(`_redis`), or ``None``: the environment's ``TOCSIN_AT``, else ``"user"``.
"""

from __future__ import annotations

import errno
import os

from tocsin import _core
from tocsin._errors import error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Path = str | os.PathLike[str]


#: Backends: how the URL of a place on a server begins, and the package whose `door` leads there.
BACKENDS = {"redis": "_redis", "rediss": "_redis", "unix": "_redis"}
FAR = tuple(f"{scheme}://" for scheme in BACKENDS)


def encode_at(at: Path | None) -> bytes | None:
    """The place as the core takes it. ValueError names what is wrong with it."""
    if at is None:
        raw = None
    elif isinstance(at, str):
        raw = _bytes(at, "place")
    elif isinstance(at, os.PathLike):
        raw = _bytes(os.path.join(os.fspath(at), ""), "place")
    else:
        msg = f"at must be a place (str or path), not {type(at).__name__}"
        raise TypeError(msg)
    fault = _core.place_fault(raw)
    if fault:
        raise ValueError(f"bad place {shown(at)!r}: {fault}")
    return raw


def encode_place(at: Path | None, name: bytes) -> bytes | None:
    """The same for this name. Names that are paths are files of this host, also where `at` is a server."""
    is_file = name.startswith((b"/", b"./"))
    return b"user" if is_file and isinstance(at, str | None) and effective(at).startswith(FAR) else encode_at(at)


def encode_name(name: Path) -> bytes:
    """The name as the core takes it. ValueError names what is wrong with it."""
    if isinstance(name, os.PathLike):
        name = os.path.abspath(os.fspath(name))
    elif not isinstance(name, str):
        msg = f"a name must be a str or a path, not {type(name).__name__} (no name: an anonymous object)"
        raise TypeError(msg)
    raw = _bytes(name, "name")
    fault = _core.name_fault(raw)
    if fault:
        raise ValueError(f"bad name {name!r}: {fault}")
    return raw


def _bytes(text: str, what: str) -> bytes:
    raw = os.fsencode(text)
    if b"\0" in raw:
        raise ValueError(f"bad {what} {text!r}: it contains a NUL character")
    return raw


def effective(at: Path | None) -> str:
    """The place that `at` means now, with the environment looked at."""
    return os.fspath(at) if at is not None else os.environ.get("TOCSIN_AT") or "user"


def shown(at: Path | None) -> str:
    """The same as people may see it: a server's URL without its password."""
    place = effective(at)
    if not place.startswith(FAR):
        return place
    found: str = door(place).shown(place)
    return found


def is_far(name: object, at: object) -> bool:
    """Does `name` at `at` live on a server? Names that are paths are files, wherever `at` points."""
    if at is None:
        at = os.environ.get("TOCSIN_AT")
    return isinstance(at, str) and at.startswith(FAR) and isinstance(name, str) and not name.startswith(("/", "./"))


def door(at: Path | None) -> Any:
    """The door of the server that `at` names: a module, of which `_redis/door.py` says what it has."""
    from importlib import import_module  # servers are floors above

    return import_module(f"tocsin.{BACKENDS[effective(at).partition('://')[0]]}.door")


def resolve(name: Path, at: Path | None = None) -> str:
    """The absolute path of the file that is the object `name` at `at`. Makes nothing."""
    raw = encode_name(name)
    path = _core.path(encode_place(at, raw), raw)
    if isinstance(path, int):
        raise error(path, os.fspath(name), effective(at), None)
    return os.fsdecode(path)


def place_dir(at: Path | None = None) -> tuple[str, str]:
    """The directory that holds a place's objects, and the prefix of their file names."""
    found = _core.place_dir(encode_at(at))
    if isinstance(found, int):
        raise error(found, "a place", effective(at), None)
    return os.fsdecode(found[0]), found[1]


def peek(path: str, name: str | None = None, at: Path | None = None) -> dict[str, Any]:
    """What the object in the file `path` is, without making, changing or trusting it."""
    found = _core.peek(os.fsencode(path))
    if isinstance(found, int):
        raise error(found, name or path, effective(at), path)
    return found


def unlink(name: Path, *, at: Path | None = None) -> None:
    """Remove the object `name`: everyone who waits for it gets ObjectRemoved, then the name goes.

    FileNotFoundError if there is none. Like ``os.unlink``, but those who use the object are told; never
    removes a file that is not an object.
    """
    if is_far(name, at):
        door(at).remove(name, at)
        return
    path = resolve(name, at)
    reason = _core.unlink(os.fsencode(path))
    if reason == -errno.ENOENT:
        raise FileNotFoundError(
            errno.ENOENT, f"{os.fspath(name)!r} at {effective(at)!r} does not exist: `tocsin ls` shows what does", path
        )
    if reason < 0:
        raise error(reason, os.fspath(name), effective(at), path)
