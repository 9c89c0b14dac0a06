"""What is registered, and what is handed over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Callable

__all__ = ["Data", "Event", "Evt", "EvtData"]


@dataclass
class Evt:
    """A callback, the loop it runs on (None: found when the event is emitted), and whether it stays registered."""

    func: Callable[..., Any]
    loop: AbstractEventLoop | None
    recurring: bool


@dataclass
class EvtData:
    """The arguments of an emit."""

    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] | None = None


Event = Evt
Data = EvtData
