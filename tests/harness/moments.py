"""Signals and data events in one test: what to signal, and how often it was."""

from __future__ import annotations

from typing import Any

from tocsin import DataEvent, Signal

KINDS = {"signal": Signal, "data": DataEvent}
TITLES = {Signal: "signal", DataEvent: "data event"}


def value_of(handle: Any) -> tuple[Any, ...]:
    return () if isinstance(handle, Signal) else ("value",)


def count_of(handle: Any) -> int:
    return handle.count if isinstance(handle, Signal) else handle.version
