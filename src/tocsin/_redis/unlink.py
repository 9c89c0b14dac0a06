"""Removing an object of a server by its name, whatever it is."""

from __future__ import annotations

import errno
from importlib import import_module
from typing import TYPE_CHECKING

from tocsin._errors import error
from tocsin._place import effective, encode_name
from tocsin._redis import KINDS
from tocsin._redis.line import pack
from tocsin._redis.server import Refusal, server_at

if TYPE_CHECKING:
    from tocsin._place import Path


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
