"""Room for an emit in the backlogs of handlers that don't drop: one slot in each, before anybody is told.

Slots are taken in the order in which the handlers were registered, by all emitters, so that no two of them wait for
each other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tocsin import _core
from tocsin._bus_meeting import Meeting
from tocsin._errors import Full
from tocsin._wait import warn_if_loop_is_running

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tocsin._bus_base import Base

#: How often one who waits looks whether the loop that is to make room is closed, which nobody would tell him.
LOOK_NS = 1_000_000_000


def make_room(strict: Sequence[Any], bus: Base) -> None:
    taken: list[Any] = []
    try:
        _take_or_refuse(strict, taken)
        for listener in strict:
            if listener._backlog.policy != "wait":
                continue
            while (meeting := listener._backlog.reserve(Meeting)) is not None:
                _refuse_deadlock(listener, meeting)
                with bus._counted():
                    came = meeting.wait(_core.now() + LOOK_NS)
                if not came and _is_gone(listener, meeting, bus):
                    break
            taken.append(listener)
    except BaseException:
        _give_back(taken)
        raise


async def make_room_async(strict: Sequence[Any], bus: Base) -> None:
    taken: list[Any] = []
    try:
        _take_or_refuse(strict, taken)
        for listener in strict:
            if listener._backlog.policy != "wait":
                continue
            while (meeting := listener._backlog.reserve(Meeting)) is not None:
                try:
                    with bus._counted():
                        came = await meeting.wait_async(_core.now() + LOOK_NS)
                except BaseException:
                    listener._backlog.forget(meeting)
                    raise
                if not came and _is_gone(listener, meeting, bus):
                    break
            taken.append(listener)
    except BaseException:
        _give_back(taken)
        raise


def _take_or_refuse(strict: Sequence[Any], taken: list[Any]) -> None:
    for listener in strict:
        if listener._backlog.policy == "error":
            try:
                listener._backlog.reserve()
            except Full:
                what = f"{listener!r} has {listener._backlog.limit} emits to hear first: nobody got this one"
                raise Full(what) from None
            taken.append(listener)


def _refuse_deadlock(listener: Any, meeting: Meeting) -> None:
    """Only somebody who is not the one that makes the room may wait for it."""
    place = getattr(listener, "_place", None)
    if place is not None and place.is_here():
        listener._backlog.forget(meeting)
        msg = f"{listener!r} is full, and this thread is the one that serves it: use `await bus.emit_async(...)`"
        raise RuntimeError(msg)
    try:
        warn_if_loop_is_running("emit_async()", 1)
    except BaseException:  # warnings may be errors
        listener._backlog.forget(meeting)
        raise


def _is_gone(listener: Any, meeting: Meeting, bus: Base) -> bool:
    """After a second: will there be room at all? What is not to be served is let in, to be reported."""
    listener._backlog.forget(meeting)
    place = getattr(listener, "_place", None)
    if bus._over is not None or (place is not None and place.is_closed()):
        listener._backlog.force()
        return True
    return False


def _give_back(taken: Sequence[Any]) -> None:
    for listener in taken:
        listener._backlog.release()
