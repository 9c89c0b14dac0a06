"""What is at a server, for those who look: the names, and all that is known of one. Makes nothing, changes nothing.

What is found has the names that a look at an object's file gives (`_core.look_at`), as far as a server knows of it.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Any

from tocsin._errors import error
from tocsin._place import effective, encode_name
from tocsin._redis.handle_open import FORMAT
from tocsin._redis.line import pack
from tocsin._redis.owner import note_key
from tocsin._redis.script import script
from tocsin._redis.server import Refusal, server_at

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tocsin._place import Path
    from tocsin._redis.server import Server

_LOOK = script("look")
_NUMBERS = {"event": 1, "signal": 2, "data": 3, "queue": 4, "lock": 5, "bus": 6}  # core/tocsin.h
_COUNTS = {"event": "generation", "signal": "count", "data": "version", "queue": "puts", "bus": "emits"}
_SCAN = 1000


def names(at: Path | None, begin: str = "") -> Iterator[str]:
    """Of the objects that are there now, in no order. One that comes or goes meanwhile may be among them, or not."""
    server = server_at(effective(at))
    head = f"{server.address.prefix}:{{"
    seen: set[bytes] = set()
    for key in keys(server, f"{head}{begin}*}}", b"TYPE", b"hash"):
        name = key.decode("utf-8", "replace")[len(head) : -1]
        if key not in seen and _is_name(name):
            seen.add(key)
            yield name


def keys(server: Server, pattern: str, *only: bytes) -> Iterator[bytes]:
    """Of the server, as SCAN goes through them: one may come twice."""
    cursor = b"0"
    while True:
        cursor, found = server.ask(pack((b"SCAN", cursor, b"MATCH", pattern, *only, b"COUNT", _SCAN)), -1)
        yield from found
        if cursor == b"0":
            return


def _is_name(name: str) -> bool:
    try:
        encode_name(name)
    except ValueError:
        return False
    return True


def look(name: str, at: Path | None) -> dict[str, Any]:
    """FileNotFoundError: there is none. WrongKind: something else has its key; FormatMismatch, ObjectDamaged."""
    encode_name(name)
    server = server_at(effective(at))
    shown = server.address.shown
    try:
        answer = server.run(_LOOK, (server.key(name),), (), -1)
    except Refusal as refusal:
        raise error(refusal.reason, name, shown, None) from None
    if not answer:
        raise error(-errno.ENOENT, name, shown, None)
    fields = {field.decode(): value for field, value in _pairs(answer[0])}
    kind = fields["kind"].decode("utf-8", "replace")
    if fields.get("format") != b"%d" % FORMAT:
        raise error(-errno.EPROTO, name, shown, None, kind)
    try:
        found = _common(kind, fields)
        if kind == "event":
            found["is_set"] = fields["set"] == b"1"
            found.update(_claim(server, fields, "owner"))
        elif kind == "lock":
            found.update(_claim(server, fields, "holder"))
        elif kind == "data":
            found["bytes"] = answer[1]
        elif kind == "queue":
            found.update(_queue(server, fields, answer[1:]))
        elif kind == "bus":
            found.update(_bus(server, fields, answer[1]))
    except (KeyError, ValueError):
        raise error(-errno.EUCLEAN, name, shown, None, kind) from None
    return found


def _common(kind: str, fields: dict[str, bytes]) -> dict[str, Any]:
    return {
        "kind": _NUMBERS.get(kind, 0),
        "removed": False,
        "id": int(fields["id"]),
        "mode": int(fields["mode"]),
        "created_ns": int(fields["created"]) * 1000,
        "count": int(fields[_COUNTS[kind]]) if kind in _COUNTS else 0,
        "claim": 0,
    }


def _queue(server: Server, fields: dict[str, bytes], figures: list[Any]) -> dict[str, Any]:
    ready, held, delayed, holders, takers = figures
    hands: dict[bytes, list[int]] = {}
    for consumer, count in _pairs(holders):  # of which a process may have several
        hands.setdefault(consumer.partition(b".")[0], [0, 0])[0] += int(count)
    for holder, count in _pairs(takers):
        hands.setdefault(holder, [0, 0])[1] = int(count)
    people = _people(server, list(hands))
    numbers = ("shut", "bytes", "maxsize", "max_bytes", "max_deliveries", "codec", "durable")
    return {
        **{field: int(fields[field]) for field in numbers},
        "durable": fields["durable"] == b"1",
        "ready": ready,
        "held": held,
        "delayed": delayed,
        "unfinished": ready + held + delayed + sum(taken for _, taken in hands.values()),
        "people": [
            {**people[holder], "command": None, "held": had, "taken": taken, "running_since": None}
            for holder, (had, taken) in hands.items()
        ],
    }


def _bus(server: Server, fields: dict[str, bytes], listeners: list[bytes]) -> dict[str, Any]:
    heard = [(listener.partition(b".")[0], int(cursor)) for listener, cursor in _pairs(listeners)]
    people = _people(server, [identity for identity, _ in heard])
    takers = [(0, 0, 0, cursor, people[identity]["alive"]) for identity, cursor in heard]
    numbers = {field: int(fields[field]) for field in ("bytes", "max_bytes")}
    return {**numbers, "oldest": int(fields["low"]), "takers": takers}


def _claim(server: Server, fields: dict[str, bytes], field: str) -> dict[str, Any]:
    """Who owns an event, or holds a lock: "owner id:his own", and what he says of himself, "pid command"."""
    left = fields.get("left") == b"1"
    holder = fields.get(field, b"").partition(b":")[0]
    if not holder:
        return {"claim": 0, "abandoned": left}
    about = _people(server, [holder])[holder]
    pid, _, command = fields.get("who", b"").partition(b" ")
    who = (int(pid) if pid.isdigit() else 0, command, about["alive"] and not left)
    return {"claim": 1, "abandoned": left, "who": who, "host": about["host"]}


def _people(server: Server, holders: list[bytes]) -> dict[bytes, dict[str, Any]]:
    """Processes by their owner ids. Whoever's connection is there at this moment is alive; and who looks without the
    right to ask for that takes all for living.
    """
    if not holders:
        return {}
    notes = server.ask(pack((b"MGET", *[note_key(server, holder) for holder in holders])), -1)
    found: dict[bytes, dict[str, Any]] = {}
    numbers = {}
    for holder, note in zip(holders, notes, strict=True):
        number, pid, host = [*(note or b"").decode("utf-8", "replace").split(" ", 2), "", "", ""][:3]
        found[holder] = {"pid": int(pid) if pid.isdigit() else None, "host": host or None, "alive": False}
        if number.isdigit():
            numbers[holder] = number
    if numbers:
        try:
            listed = server.ask(pack((b"CLIENT", b"LIST", b"ID", *numbers.values())), -1)
        except PermissionError:
            listed = b"".join(b" name=tocsin-%b " % holder for holder in numbers)
        for holder in numbers:  # the number alone could be another's, after a restart of the server
            found[holder]["alive"] = b" name=tocsin-%b " % holder in listed
    return found


def _pairs(flat: list[bytes]) -> list[tuple[bytes, bytes]]:
    return list(zip(flat[::2], flat[1::2], strict=True))
