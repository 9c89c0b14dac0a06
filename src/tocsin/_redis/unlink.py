"""Removing an object of a server by its name, whatever it is."""

from __future__ import annotations

import errno
from importlib import import_module
from typing import TYPE_CHECKING

from tocsin._errors import error
from tocsin._place import effective, encode_name
from tocsin._redis import KINDS
from tocsin._redis.line import pack
from tocsin._redis.look import keys
from tocsin._redis.script import script
from tocsin._redis.server import Refusal, server_at

if TYPE_CHECKING:
    from tocsin._place import Path

_SWEEP = script("sweep")


def unlink(name: str, at: Path | None) -> None:
    """As `tocsin.unlink`. What goes with an object only its class knows, so that is opened."""
    encode_name(name)
    server = server_at(effective(at))
    shown = server.address.shown
    try:
        kind = server.ask(pack((b"HGET", server.key(name), b"kind")), -1)
    except Refusal as refusal:
        raise error(refusal.reason, name, shown, None) from None
    if kind is None:
        raise FileNotFoundError(errno.ENOENT, f"{name!r} at {shown!r} does not exist: `tocsin ls` shows what does")
    found = KINDS.get(kind.decode("utf-8", "replace"))
    if found is None:
        raise error(-errno.EMEDIUMTYPE, name, shown, None)
    module, cls = found
    with getattr(import_module(module), cls)(name, at=at, create=False) as opened:
        opened.unlink()


def sweep(name: str, at: Path | None) -> bool:
    """Remove all that is `name`'s, too damaged to be opened; False: it was gone, or was made anew meanwhile."""
    server = server_at(effective(at))
    main = server.key(name)
    identity = server.ask(pack((b"HGET", main, b"id")), -1)
    others = sorted(set(keys(server, main.decode() + ":*")))
    return bool(server.run(_SWEEP, (main, *others), (identity or b"",), -1))
