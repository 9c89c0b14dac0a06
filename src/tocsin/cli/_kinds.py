"""The kinds of objects, and what a look at one tells without opening it (core/tocsin.h, core/parts/word.h)."""

from __future__ import annotations

import os

from tocsin import _core
from tocsin._errors import error
from tocsin._place import effective, peek, resolve

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Found = dict[str, Any]

EVENT, SIGNAL, DATA, QUEUE = 1, 2, 3, 4
LOCK, BUS = 5, 6
NAMES = {EVENT: "event", SIGNAL: "signal", DATA: "data", QUEUE: "queue", LOCK: "lock", BUS: "bus"}

_RAW = 2  # codec (core/tocsin.h)

_SET, _OWNED = 1, 1 << 5  # of an event's word (core/parts/word.h)
_EVENT_BITS = ("SET", "SLEEPERS", "BELL", "CBELL", "REMOVED", "OWNED", "HASBELL")
_BITS = ("MANY", "SLEEPERS", "BELL", "CBELL", "REMOVED", "GUARD", "HASBELL", "SLEPT")


def kind_at(name: str, at: str | None) -> int | None:
    """None: there is no object of that name now."""
    try:
        found = peek(resolve(name, at), name, at)
    except FileNotFoundError:
        return None
    kind: int | None = None if found["removed"] else found["kind"]
    return kind


def kind_of(found: Found) -> str:
    return NAMES.get(found["kind"], f"kind {found['kind']}")


def bits_of(found: Found) -> list[str]:
    names = _EVENT_BITS if found["kind"] == EVENT else _BITS
    return [name for i, name in enumerate(names) if found["word"] >> i & 1]


def describe(found: Found, path: str, name: str, at: str | None) -> Found:
    """`state`, in words; `generation`: how often it was set, signalled or changed; and for a queue its figures.

    `there`: would one who looks find something: set, signalled, a value, an item?
    """
    kind = found["kind"]
    changes = found["generation"] if kind == EVENT else found["word"] >> 8
    row: Found = {"generation": changes}
    if found["removed"]:
        return {**row, "state": "removed", "there": False}
    if kind == EVENT:
        state = "set" if found["is_set"] else "clear"
        return {**row, "state": state, "there": found["is_set"], "owned_by": _owned_by(found, path, name, at)}
    if kind == SIGNAL:
        return {**row, "state": "signalled" if changes else "silent", "there": changes > 0}
    if kind == DATA:
        return {**row, "state": "value" if changes else "no value", "there": changes > 0}
    if look := _LOOKS.get(kind):
        return {**row, **look(path, name, at)}
    return {**row, "state": "unknown", "there": False}


def words_of_owner(owned_by: Found | None, verb: str = "owned") -> str:
    if owned_by is None:
        return ""
    pid, command = owned_by["pid"] or "unknown", owned_by["command"]
    words = f"{verb} by pid {pid} ({command})" if command else f"{verb} by pid {pid}"
    return words if owned_by["alive"] else f"{words}, which died"


def _owned_by(found: Found, path: str, name: str, at: str | None) -> Found | None:
    if found["word"] & _SET or not found["word"] & _OWNED:
        return None
    event = _core.Event()
    reason = event._open(os.fsencode(path), None, -1, False, 0)
    if reason < 0:
        raise error(reason, name, effective(at), path)
    try:
        owner = event._owner()
    finally:
        event._close()
    if not isinstance(owner, tuple):
        return None
    pid, command, alive = owner
    return {"pid": pid, "command": command.decode("utf-8", "replace"), "alive": alive}


def _describe_bus(path: str, name: str, at: str | None) -> Found:
    topic = _core.Topic()
    reason = topic._open(os.fsencode(path), None, -1, False, -1)
    if reason < 0:
        raise error(reason, name, effective(at), path)
    try:
        now = topic._figures()
    finally:
        topic._close()
    kept = now["emits"] + 1 - now["oldest"]
    return {
        "state": f"{now['emits']} emits, {kept} retained",
        "generation": now["emits"],
        "retained": kept,
        "max_bytes": now["max_bytes"],
        "there": now["emits"] > 0,
    }


def _describe_lock(path: str, name: str, at: str | None) -> Found:
    lock = _core.Lock()
    reason = lock._open(os.fsencode(path), None, -1, False, b"")
    if reason < 0:
        raise error(reason, name, effective(at), path)
    try:
        holder = lock._holder()
    finally:
        lock._close()
    if not isinstance(holder, tuple):
        return {"state": "free", "there": False, "held_by": None}
    pid, command, alive = holder
    held_by = {"pid": pid, "command": command.decode("utf-8", "replace"), "alive": alive}
    return {"state": "held" if alive else "abandoned", "there": alive, "held_by": held_by}


def _describe_queue(path: str, name: str, at: str | None) -> Found:
    # The binding's own class: what tocsin.Queue has besides costs a look more than the look itself.
    queue: _core.Queue[Any] = _core.Queue()
    reason = queue._open(os.fsencode(path), None, -1, False, -1, -1, -1, -1, -1)
    if reason < 0:
        raise error(reason, name, effective(at), path)
    try:
        now = queue._figures()
    finally:
        queue._close()
    counts = [f"{now['ready']} ready", *(f"{now[key]} {key}" for key in ("delayed", "held") if now[key])]
    shut = ["shut down"] if now["shut"] else []
    return {
        "state": ", ".join(counts + shut),
        "generation": now["puts"],
        **{key: now[key] for key in ("ready", "delayed", "held", "maxsize")},
        "codec": "raw" if now["codec"] == _RAW else "json",
        "there": now["ready"] > 0,
    }


#: Of these a look at the head does not tell enough.
_LOOKS = {QUEUE: _describe_queue, LOCK: _describe_lock, BUS: _describe_bus}
