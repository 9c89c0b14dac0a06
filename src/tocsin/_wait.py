"""What every blocking wait has in common: it must not stop an event loop by accident."""

from __future__ import annotations

import sys


def loop_is_running() -> bool:
    """Is this thread inside an event loop? Imports nothing: a loop that runs has been imported by somebody."""
    events = sys.modules.get("asyncio.events")
    if events is not None and events._get_running_loop() is not None:
        return True
    trio = sys.modules.get("trio")
    return trio is not None and bool(trio.lowlevel.in_trio_run())


def warn_if_loop_is_running(twin: str, frames: int = 0) -> None:
    """RuntimeWarning when a call that is about to block would stop the loop of this thread.

    `frames` of ours stand between the binding, whose calls have no frame, and the caller whom it is about.
    """
    if ("asyncio" in sys.modules or "trio" in sys.modules) and loop_is_running():
        import warnings

        warnings.warn(
            f"this blocks the thread whose event loop is running: use its twin {twin} instead",
            RuntimeWarning,
            stacklevel=3 + frames,
        )


def current_task() -> object:
    """The task that runs on this thread; None outside of every task. Imports nothing, as above."""
    events = sys.modules.get("asyncio.events")
    if events is not None and events._get_running_loop() is not None:
        return sys.modules["asyncio.tasks"].current_task()
    trio = sys.modules.get("trio")
    return trio.lowlevel.current_task() if trio is not None and trio.lowlevel.in_trio_run() else None
