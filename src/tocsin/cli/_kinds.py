"""The kinds of objects, and what a look at one tells without opening it (core/tocsin.h, core/parts/word.h)."""

from __future__ import annotations

import os

from tocsin import _core
from tocsin._errors import error
from tocsin._place import door, is_far, peek, resolve, shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Found = dict[str, Any]

EVENT, SIGNAL, DATA, QUEUE = 1, 2, 3, 4
LOCK, BUS = 5, 6
NAMES = {EVENT: "event", SIGNAL: "signal", DATA: "data", QUEUE: "queue", LOCK: "lock", BUS: "bus"}

_RAW = 2  # codec (core/tocsin.h)

_EVENT_BITS = ("SET", "SLEEPERS", "BELL", "CBELL", "REMOVED", "OWNED", "HASBELL")
_BITS = ("MANY", "SLEEPERS", "BELL", "CBELL", "REMOVED", "GUARD", "HASBELL", "SLEPT")


def kind_at(name: str, at: str | None) -> int | None:
    """None: there is no object of that name now."""
    try:
        found = find(name, at) if is_far(name, at) else peek(resolve(name, at), name, at)
    except FileNotFoundError:
        return None
    kind: int | None = None if found["removed"] else found["kind"]
    return kind


def kind_of(found: Found) -> str:
    return NAMES.get(found["kind"], f"kind {found['kind']}")


def bits_of(found: Found) -> list[str]:
    names = _EVENT_BITS if found["kind"] == EVENT else _BITS
    return [name for i, name in enumerate(names) if found["word"] >> i & 1]


def look(path: str, name: str | None = None, at: str | None = None) -> Found:
    """All that the object's file says. Opens nothing, maps nothing, makes nothing (core/objects/look.h)."""
    found = _core.look_at(os.fsencode(path))
    if isinstance(found, int):
        raise error(found, name or path, shown(at), path)
    return found


def find(name: str, at: str | None) -> Found:
    """The same by name, wherever it is. FileNotFoundError: there is none."""
    if not is_far(name, at):
        return look(resolve(name, at), name, at)
    there: Found = door(at).look(name, at)
    return there


def describe(found: Found) -> Found:
    """`state`, in words; `generation`: how often it was set, signalled, changed, put into; `depth`: items in a queue
    that nobody has; and what is a kind's own. `there`: would one who looks find something?
    """
    count = None if found["kind"] == LOCK else found["count"]  # of a lock's the file has only the last bits
    row: Found = {"state": "unknown", "generation": count, "depth": None, "there": False}
    if found["removed"]:
        row["state"] = "removed"
    elif tell := _KINDS.get(found["kind"]):
        row.update(tell(found))
    return row


def _event(found: Found) -> Found:
    return {
        "state": "set" if found["is_set"] else "clear",
        "there": found["is_set"],
        "owned_by": claimant(found),
    }


def _signal(found: Found) -> Found:
    return {"state": "signalled" if found["count"] else "silent", "there": found["count"] > 0}


def _data(found: Found) -> Found:
    return {"state": "value" if found["count"] else "no value", "there": found["count"] > 0, "bytes": found["bytes"]}


def _lock(found: Found) -> Found:
    holder = claimant(found)
    if holder is None:
        state = "abandoned" if found["abandoned"] else "free"
    else:
        state = "held" if holder["alive"] else "abandoned"
    return {"state": state, "there": state == "held", "held_by": holder}


def _bus(found: Found) -> Found:
    kept = found["count"] + 1 - found["oldest"]
    living = [heard for _, _, _, heard, alive in found.get("takers", ()) if alive]
    return {
        "state": f"{found['count']} emits, {kept} retained",
        "retained": kept,
        "bytes": found["bytes"],
        "max_bytes": found["max_bytes"],
        "subscribers": len(living),
        "behind": max(0, found["count"] - min(living)) if living else None,
        "there": found["count"] > 0,
    }


def _queue(found: Found) -> Found:
    counts = [f"{found['ready']} ready", *(f"{found[key]} {key}" for key in ("delayed", "held") if found[key])]
    shut = ["shut down"] if found["shut"] else []
    return {
        "state": ", ".join(counts + shut),
        "depth": found["ready"] + found["delayed"],
        **{key: found[key] for key in ("ready", "delayed", "held", "unfinished", "bytes", "maxsize", "max_bytes")},
        "max_deliveries": found["max_deliveries"],
        "codec": "raw" if found["codec"] == _RAW else "json",
        "durable": found["durable"],
        "there": found["ready"] > 0,
    }


_KINDS = {EVENT: _event, SIGNAL: _signal, DATA: _data, QUEUE: _queue, LOCK: _lock, BUS: _bus}


def claimant(found: Found) -> Found | None:
    """Who owns the event or holds the lock, as he said himself. None: nobody."""
    if not found["claim"]:
        return None
    pid, command, alive = found["who"]
    person = {"pid": pid, "command": command.decode("utf-8", "replace"), "alive": alive}
    return {**person, "host": found["host"]} if "host" in found else person


def words_of_owner(owned_by: Found | None, verb: str = "owned") -> str:
    if owned_by is None:
        return ""
    pid, command = owned_by["pid"] or "unknown", owned_by["command"]
    if host := owned_by.get("host"):
        pid = f"{pid} on {host}"
    words = f"{verb} by pid {pid} ({command})" if command else f"{verb} by pid {pid}"
    return words if owned_by["alive"] else f"{words}, which died"
