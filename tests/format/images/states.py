"""What is asked of an image, kind by kind: its state, and that one can go on using it."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.until import PATIENCE_S

from tocsin import Bus, DataEvent, Empty, Event, Lock, OwnerDied, Queue, Signal

if TYPE_CHECKING:
    from collections.abc import Callable

State = dict[str, Any]


def event(at: str) -> State:
    with Event("x", at=at, create=False) as found:
        state = {"is_set": found.is_set(), "generation": found.generation, "owner_died": False}
        try:
            found.wait(0)
        except OwnerDied:
            state["owner_died"] = True
        return state


def use_event(at: str) -> None:
    with Event("x", at=at, create=False) as found:
        before = found.generation
        found.clear()
        found.set()
        assert found.wait(0, since=before)
        found.clear()
        found.own()
        found.disown()


def signal(at: str) -> State:
    with Signal("x", at=at, create=False) as found:
        return {"count": found.stats().count}


def use_signal(at: str) -> None:
    with Signal("x", at=at, create=False) as found:
        assert found.signal() == found.stats().count
        assert found.wait(0) == 1


def data(at: str) -> State:
    with DataEvent[Any]("x", at=at, create=False) as found:
        return {"version": found.version, "latest": found.latest(None)}


def use_data(at: str) -> None:
    with DataEvent[Any]("x", at=at, create=False) as found:
        version = found.signal("short")
        assert found.signal("long" * 5000, if_version=version) == version + 1
        assert found.wait(0) == "long" * 5000


def _drained(found: Queue[Any]) -> list[list[Any]]:
    """Every item that is there, and the attempt that it is."""
    items = []
    while True:
        try:
            delivery = found.receive(0)
        except Empty:
            return items
        with delivery:
            items.append([delivery.item, delivery.attempt])


def queue(at: str) -> State:
    with Queue[Any]("x", at=at, create=False) as found:
        told = found.stats()
        return {
            "items": _drained(found),
            "maxsize": told.maxsize,
            "max_deliveries": told.max_deliveries,
            "durable": told.durable,
        }


def use_queue(at: str) -> None:
    with Queue[Any]("x", at=at, create=False) as found:
        found.put("last", timeout=0)
        assert ["last", 1] in _drained(found)
        assert found.stats().unfinished == 0
        for _ in range(3):  # through more than one segment
            found.put("x" * 10_000)
            assert _drained(found) == [["x" * 10_000, 1]]


def lock(at: str) -> State:
    with closing(Lock("x", at=at, create=False)) as opened:
        locked = opened.locked()
        with opened:
            return {"locked": locked, "abandoned": opened.abandoned}


def use_lock(at: str) -> None:
    for turn in range(2):
        with closing(Lock("x", at=at, create=False)) as opened, opened:
            assert opened.locked()
            assert turn == 0 or not opened.abandoned, "only the next holder is told"


def bus(at: str) -> State:
    with Bus("x", at=at, create=False, replay=100) as found, found.subscribe("**") as heard:
        found.emit("end")
        events = []
        while (told := heard.wait(PATIENCE_S)).name != "end":
            events.append([told.name, list(told.args), told.kwargs])
        return {"events": events}


def use_bus(at: str) -> None:
    with Bus("x", at=at, create=False) as found, found.subscribe("job.*") as heard:
        found.emit("job.next", (7,))
        assert heard.wait(PATIENCE_S).args == (7,)


@dataclass(frozen=True)
class Kind:
    read: Callable[[str], State]
    use: Callable[[str], None]


KINDS = {
    "event": Kind(event, use_event),
    "signal": Kind(signal, use_signal),
    "data": Kind(data, use_data),
    "queue": Kind(queue, use_queue),
    "lock": Kind(lock, use_lock),
    "bus": Kind(bus, use_bus),
}
