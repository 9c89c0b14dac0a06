"""What `tocsin doctor` looks at when the place is on a server: is it there, does it keep what it is given, may we?"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from tocsin import _core
from tocsin._errors import TocsinError
from tocsin._event import Event
from tocsin._place import effective, shown
from tocsin._redis.line import pack
from tocsin._redis.server import server_at
from tocsin.cli._exit import reason_of
from tocsin.cli._fitness import FAIL, OK, WARN, Finding

if TYPE_CHECKING:
    from tocsin._redis.server import Server

_ROUNDS = 20


def examine(at: str | None) -> list[Finding]:
    server = server_at(effective(at))
    try:
        about = _about(server)
    except (TocsinError, OSError) as error:
        mend = "is it running, and is the URL right? or choose another place with --at or TOCSIN_AT"
        return [Finding(FAIL, "server", reason_of(error), mend)]
    kind = "Valkey" if "valkey_version" in about else "Redis"
    version = about.get("valkey_version") or about.get("redis_version", "?")
    role = f", a {about['role']}" if about.get("role") not in (None, "master") else ""
    findings = [Finding(OK, "server", f"{kind} {version} at {shown(at)}{role}")]
    if role:
        findings[0] = Finding(FAIL, "server", findings[0].found, "changes can't be made there: name the master")
    return [*findings, _persistence(about), _eviction(about), _clients(about), _proof(at)]


def _about(server: Server) -> dict[str, str]:
    text = server.ask(pack((b"INFO",)), -1).decode("utf-8", "replace")
    return dict(row.split(":", 1) for row in text.splitlines() if ":" in row)


def _persistence(about: dict[str, str]) -> Finding:
    name = "persistence"
    if about.get("aof_enabled") == "1":
        if about.get("aof_last_write_status", "ok") != "ok":
            return Finding(FAIL, name, "the append-only file can't be written", "make room on the server's disk")
        return Finding(OK, name, "append-only file")
    mend = "objects and items are lost when it ends: appendonly yes in its configuration"
    return Finding(WARN, name, "no append-only file", mend)


def _eviction(about: dict[str, str]) -> Finding:
    name, policy = "eviction", about.get("maxmemory_policy", "unknown")
    limit = about.get("maxmemory", "0")
    found = f"{policy}, {'no limit of memory' if limit == '0' else f'maxmemory {limit}'}"
    if policy == "noeviction":
        return Finding(OK, name, found)
    mend = "it may drop objects that are in use when memory is short: maxmemory-policy noeviction"
    return Finding(WARN, name, found, mend)


def _clients(about: dict[str, str]) -> Finding:
    name, now, most = "connections", about.get("connected_clients", "?"), about.get("maxclients")
    if most is None or not now.isdigit():
        return Finding(OK, name, now)
    found = f"{now} of {most}"
    if int(now) > 0.8 * int(most):
        return Finding(WARN, name, found, "each handle that waits has one: raise maxclients")
    return Finding(OK, name, found)


def _proof(at: str | None) -> Finding:
    """An object of our own, by this login: made, set, seen and removed."""
    name = f"doctor-{os.urandom(8).hex()}"
    try:
        with Event(name, at=at) as event:
            try:
                began = _core.now()
                for _ in range(_ROUNDS):
                    event.set()
                    event.clear()
                each = (_core.now() - began) / (2 * _ROUNDS) / 1e6
                event.set()
                seen = event.wait(0, since=0)
            finally:
                event.unlink()
    except (TocsinError, OSError) as error:
        return Finding(FAIL, "set and wait", reason_of(error), "may this login do it? see the documents on servers")
    if not seen:
        return Finding(FAIL, "set and wait", "what was set was not seen", "is there a proxy between us and it?")
    return Finding(OK, "set and wait", f"tried, works; {each:.2f} ms for a change")
