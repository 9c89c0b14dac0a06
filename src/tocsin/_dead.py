"""Dead letters: what could not be delivered, in a queue of its own, with the reason, and back from there."""

from __future__ import annotations

from queue import Empty, Full
from typing import TYPE_CHECKING, Any

import msgspec

from tocsin._errors import ConfigMismatch, InvalidMessage, MessageTooLarge

if TYPE_CHECKING:
    from tocsin._delivery import Receiver
    from tocsin._queue import Queue

_SUFFIX = ".dead"
_read_any = msgspec.json.Decoder().decode


class Letter(msgspec.Struct, omit_defaults=True):
    """What lies in the dead queue. ``item`` stays the very bytes that were put, so that nothing is lost on the way."""

    reason: str
    attempts: int
    sequence: int
    queue: str | None
    item: msgspec.Raw = msgspec.Raw(b"")
    #: in place of `item` where that isn't JSON; msgspec writes bytes as base64
    data: bytes | None = None


_read = msgspec.json.Decoder(Letter).decode


def queue_for(queue: Receiver[Any]) -> Queue[Any]:
    """The queue for the dead letters of `queue`, made if there is none."""
    from tocsin._queue import Queue

    name, at, path = queue.name, queue.at, queue.path
    if name is None:
        return Queue(max_deliveries=0)
    if name.endswith(_SUFFIX):
        raise ValueError(f"{queue._title()} holds dead letters, and has none of its own")
    if queue.is_far:
        return Queue(name + _SUFFIX, at=queue._server.address.url, max_deliveries=0)  # type: ignore[attr-defined]
    assert path is not None
    if name.startswith(("/", "./")):  # a path means the same file wherever the process works now
        name = path
    elif at not in ("user", "system"):
        at = path[: -len(name) - 1]
    found = queue._stat()
    if isinstance(found, int):
        queue._fail(found)
    durable = queue._figures()["durable"]
    try:
        return Queue(name + _SUFFIX, at=at, mode=found["mode"], max_deliveries=0, durable=durable)
    except ConfigMismatch:  # somebody made it to his own taste
        return Queue(name + _SUFFIX, at=at)


def put_letter(queue: Receiver[Any], data: bytes, reason: str, attempts: int, sequence: int) -> bool:
    """Put an item into the dead queue; False when that can't take it."""
    letter = Letter(reason=reason, attempts=attempts, sequence=sequence, queue=queue.name)
    if _is_json(data) and queue._figures()["codec"] == 1:
        letter.item = msgspec.Raw(data)
    else:
        letter.data = data
    try:
        queue.dead._put_bytes(msgspec.json.encode(letter), 0)
    except (MessageTooLarge, Full, ValueError):  # ValueError: its name would be too long, or it is a dead queue itself
        return False
    return True


def _is_json(data: bytes) -> bool:
    try:
        _read_any(data)
    except msgspec.DecodeError:
        return False
    return True


def redrive(queue: Receiver[Any], most: int | None) -> int:
    """The items of dead letters back into `queue`: how many."""
    dead = queue.dead
    moved = 0
    # Not more than there are now: a consumer may bury again meanwhile what is put back here.
    for _ in range(dead.qsize() if most is None else min(most, dead.qsize())):
        try:
            claim = dead._receive(0)
        except Empty:
            break
        try:
            letter = _read(claim.data)
            queue._put_bytes(bytes(letter.item) if letter.data is None else letter.data, 0)
        except Full:
            dead._end(claim, 0)
            break
        except msgspec.DecodeError as error:
            dead._end(claim, 0)
            msg = f"{dead._title()} holds what is no dead letter: {error}; `get` or `purge` it"
            raise InvalidMessage(msg) from error
        except BaseException:
            dead._end(claim, 0)
            raise
        dead._end(claim, -1)
        moved += 1
    return moved
