"""Address: what the URL of a place says. Credentials are in it, so what people see is `shown`.

``redis://[user[:password]@]host[:port][/db]``, ``rediss://`` the same over TLS, ``unix:///path/of/socket``, each with
``?option=value&...`` of these: db, prefix, username, password, password_file, patience, replicas, and for TLS ca, cert,
key. What the URL leaves out is taken from TOCSIN_REDIS_USERNAME, TOCSIN_REDIS_PASSWORD, TOCSIN_REDIS_PASSWORD_FILE.
"""

from __future__ import annotations

import os
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

#: How long, in seconds, what has no deadline of its own goes on trying to reach a server that it has reached before.
PATIENCE_S = 30.0
_ENVIRON = "TOCSIN_REDIS_"
_OPTIONS = ("db", "prefix", "username", "password", "password_file", "patience", "replicas", "ca", "cert", "key")
_PREFIX = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-:/")


class Address(NamedTuple):
    """A server, the part of it that is ours, and how to be let in."""

    url: str  # as it was given, for copies in other processes
    shown: str  # without what is secret
    host: str
    port: int
    socket: str  # of unix://
    db: int
    username: str
    password: str
    prefix: str
    patience_ns: int
    replicas: int  # how many must have a change before it counts as done
    tls: bool
    ca: str
    cert: str
    key: str

    def __repr__(self) -> str:
        return f"<Address {self.shown}>"


def read(url: str) -> Address:
    """ValueError says what is wrong with it, and never shows the password."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise _bad(shown(url), f"{error}") from None
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    strange = [option for option in options if option not in _OPTIONS]
    if strange:
        raise _bad(shown(url), f"it has no option {strange[0]!r}: {', '.join(_OPTIONS)} are those there are")
    is_socket = parts.scheme == "unix"
    if is_socket and not parts.path:
        raise _bad(shown(url), "give the path of the server's socket: unix:///run/redis.sock")
    if not is_socket and not parts.hostname:
        raise _bad(shown(url), "it names no host")
    if parts.fragment:
        raise _bad(shown(url), "a # in it must be written %23")
    db = options.get("db") or ("" if is_socket else parts.path.strip("/")) or "0"
    prefix = options.get("prefix", "tocsin")
    if not prefix or not set(prefix) <= _PREFIX:
        raise _bad(shown(url), f"prefix={prefix!r} must be one or more of A-Z a-z 0-9 . _ - : /")
    return Address(
        url=url,
        shown=shown(url),
        host=parts.hostname or "",
        port=port or 6379,
        socket=unquote(parts.path) if is_socket else "",
        db=_whole(url, "db", db),
        username=unquote(parts.username or "") or options.get("username") or os.environ.get(f"{_ENVIRON}USERNAME", ""),
        password=unquote(parts.password or "") or options.get("password") or _password(url, options),
        prefix=prefix,
        patience_ns=int(_seconds(url, options.get("patience")) * 1e9),
        replicas=_whole(url, "replicas", options.get("replicas", "0")),
        tls=parts.scheme == "rediss",
        ca=options.get("ca", ""),
        cert=options.get("cert", ""),
        key=options.get("key", ""),
    )


def shown(url: str) -> str:
    """The URL as people may see it: without password, and without what could hold one."""
    scheme, _, rest = url.partition("://")
    rest, mark, query = rest.partition("?")
    login, at, where = rest.rpartition("@")
    if at:
        rest = f"{login.partition(':')[0]}@{where}" if login.partition(":")[0] else where
    kept = [row for row in query.split("&") if row and row.partition("=")[0] != "password"]
    return f"{scheme}://{rest}{mark if kept else ''}{'&'.join(kept)}"


def _password(url: str, options: dict[str, str]) -> str:
    path = options.get("password_file")
    if path is None:
        given = os.environ.get(f"{_ENVIRON}PASSWORD")
        if given is not None:
            return given
        path = os.environ.get(f"{_ENVIRON}PASSWORD_FILE")
    if not path:
        return ""
    try:
        with open(path, encoding="utf-8") as file:
            return file.read().strip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise _bad(shown(url), f"its password_file can't be read: {error}") from None


def _whole(url: str, what: str, text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise _bad(shown(url), f"{what}={text!r} must be a number")
    return int(text)


def _seconds(url: str, text: str | None) -> float:
    if text is None:
        return PATIENCE_S
    try:
        found = float(text)
    except ValueError:
        found = -1.0
    if not 0 < found < 1e6:
        raise _bad(shown(url), f"patience={text!r} must be seconds, more than 0")
    return found


def _bad(url: str, why: str) -> ValueError:
    return ValueError(f"bad place {url!r}: {why}")
